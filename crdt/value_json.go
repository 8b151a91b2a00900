package crdt

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// appendJSONOf writes a Go value as JSON.stringify writes the corresponding JavaScript
// value, with sorted keys. depth is how deeply v may nest. Errors: ErrValue for types that
// JSON cannot represent, ErrUTF8, lib0.ErrDepth.
func appendJSONOf(dst []byte, v any, depth int) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return append(dst, null...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		if !utf8.ValidString(v) {
			return dst, ErrUTF8
		}
		return jsvalue.AppendString(dst, []byte(v)), nil
	case []any:
		if depth == 0 {
			return dst, lib0.ErrDepth
		}
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSONOf(dst, element, depth-1); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		if depth == 0 {
			return dst, lib0.ErrDepth
		}
		dst = append(dst, '{')
		for i, key := range slices.SortedFunc(maps.Keys(v), jsvalue.CompareKeys) {
			if i > 0 {
				dst = append(dst, ',')
			}
			if !utf8.ValidString(key) {
				return dst, ErrUTF8
			}
			dst = append(jsvalue.AppendString(dst, []byte(key)), ':')
			if dst, err = appendJSONOf(dst, v[key], depth-1); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	switch n := reflect.ValueOf(v); {
	case n.CanInt():
		return jsvalue.AppendNumber(dst, float64(n.Int())), nil
	case n.CanUint():
		return jsvalue.AppendNumber(dst, float64(n.Uint())), nil
	case n.CanFloat():
		return jsvalue.AppendNumber(dst, n.Float()), nil
	}
	return dst, fmt.Errorf("%w: %T", ErrValue, v)
}
