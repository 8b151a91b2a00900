package crdt

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
		return appendJSString(dst, []byte(v)), nil
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
		for i, key := range slices.SortedFunc(maps.Keys(v), compareProperties) {
			if i > 0 {
				dst = append(dst, ',')
			}
			if !utf8.ValidString(key) {
				return dst, ErrUTF8
			}
			dst = append(appendJSString(dst, []byte(key)), ':')
			if dst, err = appendJSONOf(dst, v[key], depth-1); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	switch n := reflect.ValueOf(v); {
	case n.CanInt():
		return appendJSNumber(dst, float64(n.Int())), nil
	case n.CanUint():
		return appendJSNumber(dst, float64(n.Uint())), nil
	case n.CanFloat():
		return appendJSNumber(dst, n.Float()), nil
	}
	return dst, fmt.Errorf("%w: %T", ErrValue, v)
}

// compareProperties orders keys as JavaScript orders the properties of an object whose
// keys were added in bytewise order: array indices first, ascending, then the others.
func compareProperties(a, b string) int {
	return cmp.Or(compareIndices(a, b), strings.Compare(a, b))
}

// compareIndices orders array indices ascending and before all other keys, which it treats
// as equal.
func compareIndices(a, b string) int {
	return cmp.Compare(arrayIndex([]byte(a)), arrayIndex([]byte(b)))
}
