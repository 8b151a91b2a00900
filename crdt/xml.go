package crdt

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
)

// xmlForm selects how types are written as XML.
type xmlForm int

const (
	xmlLikeYjs xmlForm = iota // exactly as Yjs's toString, which escapes nothing
	xmlEscaped                // well-formed: text and attributes escaped, invalid names left out
)

// xmlWriter writes types as XML.
type xmlWriter struct {
	s       *store
	dst     []byte
	escaped bool // xmlEscaped
}

// xmlOf returns a type as XML, according to its shape. Errors: ErrTooDeep.
func (s *store) xmlOf(t typeRef, form xmlForm) ([]byte, error) {
	x := xmlWriter{s: s, escaped: form == xmlEscaped}
	write := x.children
	switch s.shapeOf(t) {
	case codec.ShapeXMLElement:
		write = x.element
	case codec.ShapeXMLText:
		write = x.text
	}
	err := write(t, MaxExportDepth)
	return x.dst, err
}

// node writes a nested type within XML, according to its shape. depth is how many further
// levels of nesting are allowed.
func (x *xmlWriter) node(t typeRef, depth int) error {
	if depth == 0 {
		return ErrTooDeep
	}
	switch x.s.shapeOf(t) {
	case codec.ShapeXMLElement:
		return x.element(t, depth)
	case codec.ShapeXMLText:
		return x.text(t, depth)
	case codec.ShapeXMLFragment:
		return x.children(t, depth)
	case codec.ShapeText:
		x.characters(string(x.s.appendText(nil, t)))
	default: // JavaScript's conversion of an object to a string
		x.characters("[object Object]")
	}
	return nil
}

// children writes the visible items of a list. Values that are no nodes are written as
// JavaScript's String converts them.
func (x *xmlWriter) children(t typeRef, depth int) error {
	s := x.s
	for r := s.listOf(t); r != 0; r = s.next(r) {
		if !s.visible(r) {
			continue
		}
		switch s.kindOf(r) {
		case kindType:
			if err := x.node(s.nested(r), depth-1); err != nil {
				return err
			}
		case kindString:
			x.characters(string(s.raw(r)))
		default:
			for _, v := range s.values(nil, r) {
				x.characters(jsToString(v))
			}
		}
	}
	return nil
}

// element writes an element: its name in lower case, its attributes sorted by name, its
// children. If the form is escaped and the name is invalid, only the children are written.
func (x *xmlWriter) element(t typeRef, depth int) error {
	s := x.s
	name := strings.ToLower(s.nameOf(t))
	tagged := !x.escaped || isXMLName(name)
	if tagged {
		x.dst = append(append(x.dst, '<'), name...)
		entries := s.liveEntries(t)
		slices.SortFunc(entries, func(a, b entry) int {
			return compareUTF16(s.names.list[a.key], s.names.list[b.key])
		})
		for _, e := range entries {
			if err := x.attributeOf(s.names.list[e.key], e.last, depth); err != nil {
				return err
			}
		}
		x.dst = append(x.dst, '>')
	}
	if err := x.children(t, depth); err != nil {
		return err
	}
	if tagged {
		x.dst = append(append(append(x.dst, '<', '/'), name...), '>')
	}
	return nil
}

// attributeOf writes the attribute whose value is in item r.
func (x *xmlWriter) attributeOf(name string, r ref, depth int) error {
	if x.s.kindOf(r) != kindType {
		x.attribute(name, jsToString(x.s.lastValue(nil, r)))
		return nil
	}
	inner := xmlWriter{s: x.s}
	if err := inner.node(x.s.nested(r), depth-1); err != nil {
		return err
	}
	x.attribute(name, string(inner.dst))
	return nil
}

func (x *xmlWriter) attribute(name, value string) {
	if x.escaped && !isXMLName(name) {
		return
	}
	x.dst = append(append(x.dst, ' '), name...)
	x.dst = append(x.dst, '=', '"')
	x.characters(value)
	x.dst = append(x.dst, '"')
}

// text writes a run of text. Each attribute of the formatting becomes an element around
// the piece of text that it applies to.
func (x *xmlWriter) text(t typeRef, depth int) error {
	s := x.s
	var m marks
	var run []byte
	flush := func() {
		if len(run) > 0 {
			x.openTags(m)
			x.characters(string(run))
			x.closeTags(m)
			run = run[:0]
		}
	}
	for r := s.listOf(t); r != 0; r = s.next(r) {
		if s.deleted(r) {
			continue
		}
		switch s.kindOf(r) {
		case kindString:
			run = append(run, s.raw(r)...)
		case kindFormat:
			flush()
			m = m.afterMark(s.formatOf(r))
		case kindEmbed:
			flush()
			x.openTags(m)
			x.characters(jsToString(s.embed(nil, r)))
			x.closeTags(m)
		case kindType:
			flush()
			x.openTags(m)
			if err := x.node(s.nested(r), depth-1); err != nil {
				return err
			}
			x.closeTags(m)
		}
	}
	flush()
	return nil
}

// openTags writes the start tags of formatting, sorted by key. As in Yjs, the members of a
// mark's value become attributes of the tag.
func (x *xmlWriter) openTags(m marks) {
	for _, a := range sortedByKey(m) {
		if x.escaped && !isXMLName(a.key) {
			continue
		}
		x.dst = append(append(x.dst, '<'), a.key...)
		members := jsMembers(valueOfJSON([]byte(a.value)))
		for _, key := range slices.SortedFunc(maps.Keys(members), compareUTF16) {
			x.attribute(key, jsToString(members[key]))
		}
		x.dst = append(x.dst, '>')
	}
}

// jsMembers returns the properties that a for…in loop in JavaScript visits: the members of
// an object, the elements of an array, the UTF-16 units of a string (half a surrogate pair
// becomes U+FFFD); nil for other values.
func jsMembers(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case []any:
		members := make(map[string]any, len(v))
		for i := range v {
			members[strconv.Itoa(i)] = v[i]
		}
		return members
	case string:
		members := make(map[string]any)
		for i, unit := range utf16.Encode([]rune(v)) {
			members[strconv.Itoa(i)] = string(rune(unit))
		}
		return members
	}
	return nil
}

// closeTags writes the end tags that match openTags.
func (x *xmlWriter) closeTags(m marks) {
	for _, a := range slices.Backward(sortedByKey(m)) {
		if x.escaped && !isXMLName(a.key) {
			continue
		}
		x.dst = append(append(append(x.dst, '<', '/'), a.key...), '>')
	}
}

func sortedByKey(m marks) marks {
	return slices.SortedFunc(slices.Values(m), func(a, b mark) int { return compareUTF16(a.key, b.key) })
}

func (x *xmlWriter) characters(s string) {
	if x.escaped {
		s = escapeXML.Replace(s)
	}
	x.dst = append(x.dst, s...)
}

var escapeXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// isXMLName reports whether s may be the name of an element or attribute. Among characters
// beyond ASCII it allows more than the XML standard.
func isXMLName(s string) bool {
	for i, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == ':', c >= 0xc0 && c != utf8Error:
		case i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

const utf8Error = '\uFFFD'

// compareUTF16 orders strings as JavaScript does, by UTF-16 code units. This differs from
// the bytewise order only where a character above U+FFFF is compared with one in U+E000 to
// U+FFFF: in UTF-16 the former is smaller.
func compareUTF16(a, b string) int {
	x, y := []rune(a), []rune(b)
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] == y[i] {
			continue
		}
		return slices.Compare(utf16.Encode(x[i:i+1]), utf16.Encode(y[i:i+1]))
	}
	return len(x) - len(y)
}

// jsToString converts a value as JavaScript's String function does.
func jsToString(v any) string {
	switch v := v.(type) {
	case nil:
		return null
	case Undefined:
		return "undefined"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return string(jsvalue.AppendNumber(nil, float64(v)))
	case BigInt:
		return strconv.FormatInt(int64(v), 10)
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
		return string(jsvalue.AppendNumber(nil, v))
	case []byte:
		parts := make([]string, len(v))
		for i, b := range v {
			parts[i] = strconv.Itoa(int(b))
		}
		return strings.Join(parts, ",")
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			if v[i] != nil && v[i] != (Undefined{}) {
				parts[i] = jsToString(v[i])
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}
