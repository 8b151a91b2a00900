package lib0

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Tags of the any encoding: the first byte of a value, which says how its payload is
// encoded (lib0: encoding.js, writeAny).
const (
	TagUndefined byte = 127 // no payload
	TagNull      byte = 126 // no payload
	TagInteger   byte = 125 // varint
	TagFloat32   byte = 124 // 4 bytes, big endian
	TagFloat64   byte = 123 // 8 bytes, big endian
	TagBigInt    byte = 122 // 8 bytes, big endian, two's complement
	TagFalse     byte = 121 // no payload
	TagTrue      byte = 120 // no payload
	TagString    byte = 119 // varstring
	TagObject    byte = 118 // uvarint n, then n × (varstring key, any)
	TagArray     byte = 117 // uvarint n, then n × any
	TagBytes     byte = 116 // varbytes
)

// MaxDepth is how many levels any values and JSON texts may nest; deeper values are refused
// with ErrDepth. JavaScript clients decode recursively and overflow their stack after more
// than a thousand levels, each time they open the document.
const MaxDepth = 100

// Undefined is JavaScript's undefined, which differs from null.
type Undefined struct{}

// BigInt is a JavaScript bigint that fits 64 bits. Go's integer types stand for JavaScript
// numbers instead.
type BigInt int64

// SkipAny reads past one any value and validates it: tags, lengths, UTF-8, depth. Errors:
// ErrShort, ErrTag, ErrUTF8, ErrDepth, ErrOverflow.
func (r *Reader) SkipAny() error { return r.skipAny(MaxDepth) }

func (r *Reader) skipAny(depth int) error {
	if depth == 0 {
		return ErrDepth
	}
	tag, err := r.Byte()
	if err != nil {
		return err
	}
	switch tag {
	case TagUndefined, TagNull, TagFalse, TagTrue:
	case TagInteger:
		_, _, err = r.Varint()
	case TagFloat32:
		_, err = r.Bytes(4)
	case TagFloat64, TagBigInt:
		_, err = r.Bytes(8)
	case TagString:
		_, err = r.VarText()
	case TagBytes:
		_, err = r.VarBytes()
	case TagObject:
		n, err := r.Count(2)
		for ; err == nil && n > 0; n-- {
			if _, err = r.VarText(); err == nil {
				err = r.skipAny(depth - 1)
			}
		}
		return err
	case TagArray:
		n, err := r.Count(1)
		for ; err == nil && n > 0; n-- {
			err = r.skipAny(depth - 1)
		}
		return err
	default:
		return ErrTag
	}
	return err
}

// Any reads one any value. Its Go type depends on the tag:
//
//	null       nil              bigint            [BigInt]
//	undefined  [Undefined]      string            string
//	bool       bool             bytes             []byte, a copy
//	integer    int64            array             []any
//	float      float64          object            map[string]any
//
// The integer −0 is read as the float64 −0. The order of an object's keys is lost; a caller
// that needs it must keep the bytes. Errors: those of SkipAny.
func (r *Reader) Any() (any, error) { return r.any(MaxDepth) }

func (r *Reader) any(depth int) (any, error) {
	if depth == 0 {
		return nil, ErrDepth
	}
	tag, err := r.Byte()
	if err != nil {
		return nil, err
	}
	switch tag {
	case TagUndefined:
		return Undefined{}, nil
	case TagNull:
		return nil, nil
	case TagFalse:
		return false, nil
	case TagTrue:
		return true, nil
	case TagInteger, TagFloat32, TagFloat64, TagBigInt:
		return r.number(tag)
	case TagString:
		return r.VarString()
	case TagBytes:
		b, err := r.VarBytes()
		return slices.Clone(b), err
	case TagObject:
		return r.object(depth - 1)
	case TagArray:
		return r.array(depth - 1)
	}
	return nil, ErrTag
}

func (r *Reader) number(tag byte) (any, error) {
	if tag == TagInteger {
		negative, magnitude, err := r.Varint()
		switch {
		case negative && magnitude == 0:
			return math.Copysign(0, -1), err
		case negative:
			return -int64(magnitude), err
		}
		return int64(magnitude), err
	}
	size := 8
	if tag == TagFloat32 {
		size = 4
	}
	b, err := r.Bytes(size)
	switch {
	case err != nil:
		return nil, err
	case tag == TagFloat32:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b))), nil
	case tag == TagFloat64:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	}
	return BigInt(binary.BigEndian.Uint64(b)), nil
}

// object reads the members of an object; their values may nest depth levels.
func (r *Reader) object(depth int) (any, error) {
	n, err := r.Count(2)
	object := map[string]any{}
	for ; err == nil && n > 0; n-- {
		var key string
		if key, err = r.VarString(); err == nil {
			object[key], err = r.any(depth)
		}
	}
	return object, err
}

// array reads the elements of an array; they may nest depth levels. The capacity is not
// taken from the count, which the sender may have made up.
func (r *Reader) array(depth int) (any, error) {
	n, err := r.Count(1)
	array := []any{}
	for ; err == nil && n > 0; n-- {
		var element any
		element, err = r.any(depth)
		array = append(array, element)
	}
	return array, err
}

// AppendAny appends the encoding of v, with the same bytes as lib0's writeAny for the
// corresponding JavaScript value. v may be any value that [Reader.Any] returns, or of any Go
// integer or float type. Objects are written with sorted keys. Numbers take the smallest
// exact form: integer up to ±(2^31−1), else float32, else float64. Integers beyond ±2^53
// are rounded to the nearest float64, as JavaScript does. Errors: ErrDepth, and an error
// that names the type if v has another one.
func AppendAny(dst []byte, v any) ([]byte, error) { return appendAny(dst, v, MaxDepth) }

func appendAny(dst []byte, v any, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, ErrDepth
	}
	switch v := v.(type) {
	case nil:
		return append(dst, TagNull), nil
	case Undefined:
		return append(dst, TagUndefined), nil
	case bool:
		if v {
			return append(dst, TagTrue), nil
		}
		return append(dst, TagFalse), nil
	case BigInt:
		return binary.BigEndian.AppendUint64(append(dst, TagBigInt), uint64(v)), nil
	case string:
		return AppendVarString(append(dst, TagString), v), nil
	case []byte:
		return AppendVarBytes(append(dst, TagBytes), v), nil
	case []any:
		dst = AppendUvarint(append(dst, TagArray), uint64(len(v)))
		for _, element := range v {
			var err error
			if dst, err = appendAny(dst, element, depth-1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case map[string]any:
		dst = AppendUvarint(append(dst, TagObject), uint64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			var err error
			if dst, err = appendAny(AppendVarString(dst, key), v[key], depth-1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	if f, ok := toFloat(v); ok {
		return appendNumber(dst, f), nil
	}
	return dst, fmt.Errorf("lib0: AppendAny: type %T has no any encoding", v)
}

// toFloat converts Go's integer and float types to JavaScript's number type.
func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int8:
		return float64(v), true
	case int16:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint:
		return float64(v), true
	case uint8:
		return float64(v), true
	case uint16:
		return float64(v), true
	case uint32:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// appendNumber appends a number in its smallest exact form.
func appendNumber(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32 {
		return AppendVarint(append(dst, TagInteger), math.Signbit(f), uint64(math.Abs(f)))
	}
	if single := float32(f); float64(single) == f {
		return binary.BigEndian.AppendUint32(append(dst, TagFloat32), math.Float32bits(single))
	}
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8000000000000) // JavaScript writes every NaN with these bits
	}
	return binary.BigEndian.AppendUint64(append(dst, TagFloat64), math.Float64bits(f))
}
