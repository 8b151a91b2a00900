package lib0

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Tags of the any encoding, one byte before the payload.
const (
	TagUndefined byte = 127 // nothing
	TagNull      byte = 126 // nothing
	TagInteger   byte = 125 // varint
	TagFloat32   byte = 124 // 4 bytes, big endian
	TagFloat64   byte = 123 // 8 bytes, big endian
	TagBigInt    byte = 122 // 8 bytes, big endian, two's complement
	TagFalse     byte = 121 // nothing
	TagTrue      byte = 120 // nothing
	TagString    byte = 119 // varstring
	TagObject    byte = 118 // uvarint n, then n × (varstring key, any)
	TagArray     byte = 117 // uvarint n, then n × any
	TagBytes     byte = 116 // varbytes
)

// MaxDepth is how deeply any values and JSON texts may nest. A stock client
// overflows its stack somewhere past a thousand levels, and would do so each time
// it opens the document.
const MaxDepth = 100

// Undefined is JavaScript's undefined, which is not null.
type Undefined struct{}

// BigInt is a JavaScript bigint that fits 64 bits; a plain Go integer is a number.
type BigInt int64

// SkipAny reads past one value, checking all of it: tags, lengths, UTF-8, depth.
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

// Any reads one value: nil for null, [Undefined], bool, float64 for every number
// (int64 where the wire says integer), [BigInt], string, []byte, []any and
// map[string]any. Order of keys is lost; keep the bytes where it matters.
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
	case TagInteger:
		negative, magnitude, err := r.Varint()
		if negative && magnitude == 0 {
			return math.Copysign(0, -1), err
		}
		if negative {
			return -int64(magnitude), err
		}
		return int64(magnitude), err
	case TagFloat32:
		b, err := r.Bytes(4)
		if err != nil {
			return nil, err
		}
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b))), nil
	case TagFloat64:
		b, err := r.Bytes(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case TagBigInt:
		b, err := r.Bytes(8)
		if err != nil {
			return nil, err
		}
		return BigInt(binary.BigEndian.Uint64(b)), nil
	case TagString:
		return r.VarString()
	case TagBytes:
		b, err := r.VarBytes()
		return slices.Clone(b), err
	case TagObject:
		n, err := r.Count(2)
		object := map[string]any{}
		for ; err == nil && n > 0; n-- {
			var key string
			if key, err = r.VarString(); err == nil {
				object[key], err = r.any(depth - 1)
			}
		}
		return object, err
	case TagArray:
		n, err := r.Count(1)
		array := []any{}
		for ; err == nil && n > 0; n-- {
			var element any
			element, err = r.any(depth - 1)
			array = append(array, element)
		}
		return array, err
	}
	return nil, ErrTag
}

// AppendAny appends v the way a Yjs client writes the same value. It takes what
// [Reader.Any] returns and every Go integer and float type; objects are written
// with their keys sorted. Numbers take the smallest form that is exact: integer up
// to ±(2^31−1), else float32, else float64. Other types, and nesting beyond
// MaxDepth, are errors.
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
	case int:
		return appendNumber(dst, float64(v)), nil
	case int8:
		return appendNumber(dst, float64(v)), nil
	case int16:
		return appendNumber(dst, float64(v)), nil
	case int32:
		return appendNumber(dst, float64(v)), nil
	case int64:
		return appendNumber(dst, float64(v)), nil
	case uint:
		return appendNumber(dst, float64(v)), nil
	case uint8:
		return appendNumber(dst, float64(v)), nil
	case uint16:
		return appendNumber(dst, float64(v)), nil
	case uint32:
		return appendNumber(dst, float64(v)), nil
	case uint64:
		return appendNumber(dst, float64(v)), nil
	case float32:
		return appendNumber(dst, float64(v)), nil
	case float64:
		return appendNumber(dst, v), nil
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
	return dst, fmt.Errorf("lib0: no any encoding for %T", v)
}

func appendNumber(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32 {
		return AppendVarint(append(dst, TagInteger), math.Signbit(f), uint64(math.Abs(f)))
	}
	if single := float32(f); float64(single) == f {
		return binary.BigEndian.AppendUint32(append(dst, TagFloat32), math.Float32bits(single))
	}
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8000000000000) // the one NaN JavaScript writes
	}
	return binary.BigEndian.AppendUint64(append(dst, TagFloat64), math.Float64bits(f))
}
