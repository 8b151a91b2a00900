package crdt

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// Attributes are the formatting of a piece of text: {"bold": true, "link": {"href":
// "…"}}. Values are JSON values: nil, bool, any Go number, string, []any and
// map[string]any. When writing, nil removes an attribute. When reading a document, no
// value is nil; in the changes of an [Event], nil means "removed" (see [Op]).
type Attributes map[string]any

// mark is one attribute. Its value is a JSON text; "null" means that the attribute is not
// set.
type mark struct {
	key, value string
}

const null = "null"

// marks are attributes in the order in which they were set, each key once. A list is
// immutable once made, because search markers share it.
type marks []mark

func (m marks) find(key string) int {
	return slices.IndexFunc(m, func(a mark) bool { return a.key == key })
}

// get returns the value of key, null if it is not set.
func (m marks) get(key string) string {
	if i := m.find(key); i >= 0 {
		return m[i].value
	}
	return null
}

// set returns m with key set to value; a value of null is stored like any other.
func (m marks) set(key, value string) marks {
	if i := m.find(key); i >= 0 {
		if m[i].value == value {
			return m
		}
		m = slices.Clone(m)
		m[i].value = value
		return m
	}
	return append(slices.Clip(m), mark{key, value})
}

// without returns m without key.
func (m marks) without(key string) marks {
	i := m.find(key)
	if i < 0 {
		return m
	}
	return append(slices.Clip(m[:i]), m[i+1:]...)
}

// afterMark returns the marks in force behind a format mark in the list, if m is in force
// before it. A mark of value null removes its key. The loops avoid converting key and
// value to strings, which would allocate, if nothing changes.
func (m marks) afterMark(key, value []byte) marks {
	if string(value) == null {
		for _, a := range m {
			if a.key == string(key) {
				return m.without(a.key)
			}
		}
		return m
	}
	for _, a := range m {
		if a.key == string(key) && a.value == string(value) {
			return m
		}
	}
	return m.set(string(key), string(value))
}

// sorted orders m as JavaScript orders the properties of an object: array indices first,
// ascending. It sorts m in place, so nobody else may hold m.
func (m marks) sorted() marks {
	slices.SortStableFunc(m, func(a, b mark) int { return jsvalue.CompareIndices(a.key, b.key) })
	return m
}

// marks encodes attributes, in the order that JavaScript gives sorted keys. Errors:
// ErrValue, ErrUTF8, lib0.ErrDepth.
func (a Attributes) marks() (marks, error) {
	m := make(marks, 0, len(a)+4)
	for key, v := range a {
		value, err := appendJSONOf(nil, v, lib0.MaxDepth)
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(key) {
			return nil, ErrUTF8
		}
		m = append(m, mark{key, string(value)})
	}
	slices.SortFunc(m, func(a, b mark) int { return jsvalue.CompareKeys(a.key, b.key) })
	return m, nil
}

// attributes decodes m; it returns nil if m is empty.
func (m marks) attributes() Attributes {
	if len(m) == 0 {
		return nil
	}
	a := make(Attributes, len(m))
	for _, mark := range m {
		a[mark.key] = valueOfJSON([]byte(mark.value))
	}
	return a
}

// sameValue reports whether two JSON texts have equal values, to any depth. Yjs is not
// consistent for values that are objects: it compares them one level deep where it writes
// marks (equalAttrs), and by identity where it deletes redundant marks.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	if hasOneSpelling(a) && hasOneSpelling(b) {
		return false
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// hasOneSpelling reports whether no other JSON text has the same value as v: true, false,
// null and strings without escapes.
func hasOneSpelling(v string) bool {
	switch v[0] {
	case 't', 'f', 'n':
		return true
	case '"':
		return !strings.Contains(v, `\`)
	}
	return false
}

// valueOfJSON decodes a JSON text, or the bare word undefined. Numbers become float64.
func valueOfJSON(b []byte) any {
	if bytes.Equal(b, []byte("undefined")) {
		return Undefined{}
	}
	var v any
	json.Unmarshal(b, &v) //nolint:errcheck // validated when it was decoded
	return v
}
