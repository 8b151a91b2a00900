package event

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"weft/server/wire"
)

// This file encodes structs as msgpack by the rules of encoding/json, so that
// the native form says what the JSON form says: same member names, same
// omissions, nil as null, times as RFC 3339 strings. (The msgpack library's own
// struct encoder writes times as an extension and RawMessage as bytes.)
//
// Members are written in the order of their names and integers in their
// shortest form, so that one value has one encoding.

// scratch holds buffers that events are encoded in before their size is known.
var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxScratch bounds the buffers that are kept, in bytes: most events are smaller.
const maxScratch = 16 << 10

// encodeNative returns the body of e: the type, then msgpack of [name, object].
func encodeNative(e Event) ([]byte, error) {
	buf := scratch.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxScratch {
			scratch.Put(buf)
		}
	}()
	buf.WriteByte(byte(wire.TypeEvent))
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.EncodeArrayLen(2); err != nil {
		return nil, err
	}
	if err := enc.EncodeString(e.EventName()); err != nil {
		return nil, err
	}
	v := reflect.ValueOf(e)
	if err := encoderOf(v.Type())(enc, v); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// encode writes one value of the type that it was made for.
type encode func(enc *msgpack.Encoder, v reflect.Value) error

// encoders caches the encode function of each type.
var encoders sync.Map // reflect.Type → encode

func encoderOf(t reflect.Type) encode {
	if known, ok := encoders.Load(t); ok {
		return known.(encode)
	}
	made := makeEncoder(t)
	encoders.Store(t, made)
	return made
}

var (
	timeType          = reflect.TypeFor[time.Time]()
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

func makeEncoder(t reflect.Type) encode {
	switch {
	case t.Kind() == reflect.Pointer: // first: a pointer has the methods of its element
		return pointerEncoder(t)
	case t == timeType:
		return encodeTime
	case t.Implements(jsonMarshalerType):
		return encodeByJSON
	case t.Implements(textMarshalerType):
		return encodeText
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(enc *msgpack.Encoder, v reflect.Value) error { return enc.EncodeBool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(enc *msgpack.Encoder, v reflect.Value) error { return enc.EncodeInt(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(enc *msgpack.Encoder, v reflect.Value) error { return enc.EncodeUint(v.Uint()) }
	case reflect.String:
		return func(enc *msgpack.Encoder, v reflect.Value) error { return encodeString(enc, v.String()) }
	case reflect.Slice:
		return sliceEncoder(t)
	case reflect.Map:
		return mapEncoder(t)
	case reflect.Struct:
		return structEncoder(t)
	}
	// Floating-point numbers, byte slices and interfaces occur in no event.
	return func(*msgpack.Encoder, reflect.Value) error {
		return fmt.Errorf("event: no msgpack form of the type %v", t)
	}
}

// encodeString writes s as JSON carries it: each byte that is not UTF-8 becomes
// U+FFFD.
func encodeString(enc *msgpack.Encoder, s string) error {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return enc.EncodeString(s)
}

func encodeTime(enc *msgpack.Encoder, v reflect.Value) error {
	var text [len(time.RFC3339Nano)]byte
	b, err := v.Interface().(time.Time).AppendText(text[:0])
	if err != nil {
		return err
	}
	return enc.EncodeString(string(b))
}

func encodeText(enc *msgpack.Encoder, v reflect.Value) error {
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return err
	}
	return encodeString(enc, string(b))
}

// encodeByJSON writes a value that makes its own JSON, such as the quote of a
// message, as what that JSON says.
func encodeByJSON(enc *msgpack.Encoder, v reflect.Value) error {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return err
	}
	return enc.Encode(convertNumbers(plain))
}

// convertNumbers makes the whole numbers in decoded JSON int64 and the others
// float64.
func convertNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = convertNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = convertNumbers(e)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

func pointerEncoder(t reflect.Type) encode {
	element := encoderOf(t.Elem())
	return func(enc *msgpack.Encoder, v reflect.Value) error {
		if v.IsNil() {
			return enc.EncodeNil()
		}
		return element(enc, v.Elem())
	}
}

func sliceEncoder(t reflect.Type) encode {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(*msgpack.Encoder, reflect.Value) error {
			return fmt.Errorf("event: no msgpack form of the type %v", t)
		}
	}
	element := encoderOf(t.Elem())
	return func(enc *msgpack.Encoder, v reflect.Value) error {
		if v.IsNil() {
			return enc.EncodeNil()
		}
		if err := enc.EncodeArrayLen(v.Len()); err != nil {
			return err
		}
		for i := range v.Len() {
			if err := element(enc, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func mapEncoder(t reflect.Type) encode {
	if t.Key().Kind() != reflect.String {
		return func(*msgpack.Encoder, reflect.Value) error {
			return fmt.Errorf("event: no msgpack form of the type %v", t)
		}
	}
	element := encoderOf(t.Elem())
	return func(enc *msgpack.Encoder, v reflect.Value) error {
		if v.IsNil() {
			return enc.EncodeNil()
		}
		members := map[string]reflect.Value{}
		for it := v.MapRange(); it.Next(); {
			members[it.Key().String()] = it.Value()
		}
		if err := enc.EncodeMapLen(len(members)); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if err := encodeString(enc, key); err != nil {
				return err
			}
			if err := element(enc, members[key]); err != nil {
				return err
			}
		}
		return nil
	}
}

// member is one member of a struct's object.
type member struct {
	name   string
	index  []int // as in reflect.Value.FieldByIndex
	encode encode
	omit   func(reflect.Value) bool // nil: never omitted
}

func structEncoder(t reflect.Type) encode {
	members := membersOf(t, nil)
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	return func(enc *msgpack.Encoder, v reflect.Value) error {
		n := 0
		for i := range members {
			if m := &members[i]; m.omit == nil || !m.omit(v.FieldByIndex(m.index)) {
				n++
			}
		}
		if err := enc.EncodeMapLen(n); err != nil {
			return err
		}
		for i := range members {
			m := &members[i]
			field := v.FieldByIndex(m.index)
			if m.omit != nil && m.omit(field) {
				continue
			}
			if err := enc.EncodeString(m.name); err != nil {
				return err
			}
			if err := m.encode(enc, field); err != nil {
				return err
			}
		}
		return nil
	}
}

// membersOf lists the members of a struct, those of embedded structs among
// them. Embedded pointers and members that hide others do not occur in events.
func membersOf(t reflect.Type, at []int) (members []member) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			members = append(members, membersOf(f.Type, index)...)
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		m := member{name: cmp.Or(name, f.Name), index: index, encode: encoderOf(f.Type)}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				m.omit = isEmpty
			case "omitzero":
				m.omit = reflect.Value.IsZero
			}
		}
		members = append(members, m)
	}
	return members
}

// isEmpty is what the option "omitempty" of encoding/json omits.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
