package crdt

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// xmlWriter writes types as XML: either to the characters of Yjs's toString, which
// escapes nothing, or escaped.
type xmlWriter struct {
	s       *store
	dst     []byte
	escaped bool
}

// xmlOf writes a type that is viewed as XML.
func (s *store) xmlOf(t typeRef, escaped bool) ([]byte, error) {
	x := xmlWriter{s: s, escaped: escaped}
	write := x.children
	switch s.shapeOf(t) {
	case shapeXMLElement:
		write = x.element
	case shapeXMLText:
		write = x.text
	}
	err := write(t, MaxExportDepth)
	return x.dst, err
}

// node writes what is in XML as what it says it is.
func (x *xmlWriter) node(t typeRef, depth int) error {
	if depth == 0 {
		return ErrTooDeep
	}
	switch x.s.shapeOf(t) {
	case shapeXMLElement:
		return x.element(t, depth)
	case shapeXMLText:
		return x.text(t, depth)
	case shapeXMLFragment:
		return x.children(t, depth)
	case shapeText:
		x.characters(string(x.s.appendText(nil, t)))
	default: // what JavaScript makes of an object that is to be a string
		x.characters("[object Object]")
	}
	return nil
}

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

// attributeOf writes an attribute whose value item r holds.
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

// text writes a run of text, formatting as elements around each piece of it.
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

func (x *xmlWriter) openTags(m marks) {
	for _, a := range sortedByKey(m) {
		if x.escaped && !isXMLName(a.key) {
			continue
		}
		x.dst = append(append(x.dst, '<'), a.key...)
		switch v := valueOfJSON([]byte(a.value)).(type) {
		case map[string]any:
			for _, key := range slices.SortedFunc(maps.Keys(v), compareUTF16) {
				x.attribute(key, jsToString(v[key]))
			}
		case []any:
			keys := make(map[string]any)
			for i := range v {
				keys[strconv.Itoa(i)] = v[i]
			}
			for _, key := range slices.SortedFunc(maps.Keys(keys), compareUTF16) {
				x.attribute(key, jsToString(keys[key]))
			}
		case string: // JavaScript takes it for a list of characters
			units := utf16.Encode([]rune(v))
			keys := make(map[string]string)
			for i, u := range units {
				keys[strconv.Itoa(i)] = string(rune(u))
			}
			for _, key := range slices.SortedFunc(maps.Keys(keys), compareUTF16) {
				x.attribute(key, keys[key])
			}
		}
		x.dst = append(x.dst, '>')
	}
}

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

// isXMLName tells whether a name can stand in a tag; beyond ASCII it is not strict.
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

// compareUTF16 orders strings as JavaScript does, by UTF-16 units. It differs from the
// order of bytes where a character beyond U+FFFF meets one from U+E000 on.
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

// jsToString is what JavaScript's String makes of a value.
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
		return string(appendJSNumber(nil, float64(v)))
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
		return string(appendJSNumber(nil, v))
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
