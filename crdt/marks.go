package crdt

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"weft/crdt/lib0"
)

// Attributes are what formatting says about a piece of text: {"bold": true, "link":
// {"href": "…"}}. Values are what JSON knows: nil, bool, any Go number, string, []any
// and map[string]any. As a wish, nil takes an attribute away; in what is read there is
// no nil, but for changes (see [Op]).
type Attributes map[string]any

// mark is one attribute: its value is a JSON text, "null" for none.
type mark struct {
	key, value string
}

const null = "null"

// marks are attributes in the order in which they were set, each key once. A list is
// never changed once made: cursors share it.
type marks []mark

func (m marks) find(key string) int {
	return slices.IndexFunc(m, func(a mark) bool { return a.key == key })
}

// get is the value of a key, null if it is not there.
func (m marks) get(key string) string {
	if i := m.find(key); i >= 0 {
		return m[i].value
	}
	return null
}

// set is m with one more value, null included.
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

func (m marks) without(key string) marks {
	i := m.find(key)
	if i < 0 {
		return m
	}
	return append(slices.Clip(m[:i]), m[i+1:]...)
}

// with is what is in force behind a format mark.
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

// sorted orders m as JavaScript orders properties: indices first, ascending. It changes
// m, which must be fresh.
func (m marks) sorted() marks {
	slices.SortStableFunc(m, func(a, b mark) int { return compareIndices(a.key, b.key) })
	return m
}

// marks encodes attributes, sorted by key.
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
	slices.SortFunc(m, func(a, b mark) int { return compareProperties(a.key, b.key) })
	return m, nil
}

// attributes decodes m; nil if there are none.
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

// sameValue tells whether two JSON texts say the same. For values that are objects Yjs
// is of two minds: it compares them one level deep where it writes marks, and by
// identity where it deletes those that say nothing new.
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

// plain tells whether a value can only be spelled one way.
func hasOneSpelling(v string) bool {
	switch v[0] {
	case 't', 'f', 'n':
		return true
	case '"':
		return !strings.Contains(v, `\`)
	}
	return false
}

// valueOfJSON decodes a JSON text, or the bare word undefined: numbers as float64.
func valueOfJSON(b []byte) any {
	if bytes.Equal(b, []byte("undefined")) {
		return Undefined{}
	}
	var v any
	json.Unmarshal(b, &v) //nolint:errcheck // validated when it was decoded
	return v
}
