package crdt

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"weft/crdt/lib0"
)

// Values of embeds and formats are JSON texts in update V1 and any values in V2. What
// converts one to the other does what a browser does: JSON.parse and JSON.stringify.

// object is a JavaScript object. Its order is: keys that are indices ascending, then
// the others as they first came; a key that comes again has the later value.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, value any) {
	if _, found := o.values[key]; !found {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) sort() {
	slices.SortStableFunc(o.keys, func(a, b string) int {
		x, y := arrayIndex(a), arrayIndex(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
}

// arrayIndex is the index that a key spells, or one beyond all of them.
func arrayIndex(key string) uint64 {
	const none = math.MaxUint32
	if key == "" || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return none
	}
	n := uint64(0)
	for _, c := range []byte(key) {
		if c < '0' || c > '9' {
			return none
		}
		n = 10*n + uint64(c-'0')
	}
	return min(n, none)
}

// appendAnyOfJSON writes a JSON text, checked before, as an any value.
func appendAnyOfJSON(dst, text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return dst, ErrJSON
	}
	return appendValue(dst, v)
}

func parseValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		f, _ := strconv.ParseFloat(string(token), 64) // out of range: infinite, as in JavaScript
		return f, nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for dec.More() {
				v, err := parseValue(dec)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := dec.Token()
			return list, err
		}
		o := &object{values: map[string]any{}}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), v)
		}
		o.sort()
		_, err := dec.Token()
		return o, err
	}
	return token, nil
}

func appendValue(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case []any:
		dst = lib0.AppendUvarint(append(dst, lib0.TagArray), uint64(len(v)))
		for _, element := range v {
			if dst, err = appendValue(dst, element); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case *object:
		dst = lib0.AppendUvarint(append(dst, lib0.TagObject), uint64(len(v.keys)))
		for _, key := range v.keys {
			dst = lib0.AppendVarString(dst, key)
			if dst, err = appendValue(dst, v.values[key]); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	return lib0.AppendAny(dst, v)
}

// readAsJSON reads an any value and appends it as a JSON text. What JSON.stringify has
// no text for is refused: bigint, and undefined by itself.
func readAsJSON(dst []byte, r *lib0.Reader) ([]byte, error) {
	v, err := readValue(r, lib0.MaxDepth)
	if err != nil {
		return dst, err
	}
	if v == (lib0.Undefined{}) {
		return dst, ErrJSON
	}
	return stringify(dst, v)
}

// readValue is Any that keeps the order of keys. depth counts lists and objects, as in
// JSON texts, but not what is in the innermost one.
func readValue(r *lib0.Reader, depth int) (any, error) {
	if r.Len() == 0 {
		return nil, lib0.ErrShort
	}
	tag := r.Rest()[0]
	if depth == 0 && (tag == lib0.TagArray || tag == lib0.TagObject) {
		return nil, lib0.ErrDepth
	}
	switch tag {
	case lib0.TagArray:
		r.Byte() //nolint:errcheck // the tag
		n, err := r.Count(1)
		list := []any{}
		for ; err == nil && n > 0; n-- {
			var v any
			v, err = readValue(r, depth-1)
			list = append(list, v)
		}
		return list, err
	case lib0.TagObject:
		r.Byte() //nolint:errcheck // the tag
		n, err := r.Count(2)
		o := &object{values: map[string]any{}}
		for ; err == nil && n > 0; n-- {
			var key string
			var v any
			if key, err = r.VarString(); err == nil {
				v, err = readValue(r, depth-1)
				o.set(key, v)
			}
		}
		o.sort()
		return o, err
	}
	return r.Any()
}

func stringify(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case lib0.Undefined:
		return append(dst, "null"...), nil // an element; properties are left out
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return appendJSNumber(dst, float64(v)), nil
	case float64:
		return appendJSNumber(dst, v), nil
	case string:
		return appendJSString(dst, v), nil
	case []byte: // an object with an index for each byte
		dst = append(dst, '{')
		for i, b := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(strconv.AppendInt(append(dst, '"'), int64(i), 10), `":`...)
			dst = strconv.AppendUint(dst, uint64(b), 10)
		}
		return append(dst, '}'), nil
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = stringify(dst, element); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case *object:
		dst = append(dst, '{')
		first := true
		for _, key := range v.keys {
			if v.values[key] == (lib0.Undefined{}) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendJSString(dst, key), ':')
			if dst, err = stringify(dst, v.values[key]); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	return dst, ErrJSON
}

// appendJSNumber spells a number as ECMAScript does: plain from 1e-6 up to 1e21.
func appendJSNumber(dst []byte, f float64) []byte {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // -0 as well
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') { // e-07
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendJSString quotes valid UTF-8 and escapes no more than JSON demands.
func appendJSString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < 0x20 {
				dst = append(dst, `\u00`...)
				dst = append(dst, hex[c>>4], hex[c&15])
				continue
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
