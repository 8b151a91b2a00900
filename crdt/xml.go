package crdt

import (
	"strings"

	"weft/crdt/lib0"
)

// appendXML writes a type as XML: its own tag if it is an element, then its children.
// Attributes are sorted by name, node names in lower case, as Yjs prints them; unlike
// Yjs, text is escaped.
func (s *store) appendXML(dst []byte, t typeRef, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, ErrTooDeep
	}
	var err error
	node := ""
	if shapeHasName(s.types[t].shape) {
		node = strings.ToLower(s.names.list[s.types[t].name])
		dst = append(append(dst, '<'), node...)
		for _, e := range s.liveEntries(t) {
			dst = append(append(dst, ' '), s.names.list[e.key]...)
			dst = append(dst, '=', '"')
			if dst, err = s.appendAttribute(dst, e, depth); err != nil {
				return nil, err
			}
			dst = append(dst, '"')
		}
		dst = append(dst, '>')
	}
	for r := s.types[t].start; r != 0; r = s.items[r].right {
		it := &s.items[r]
		if it.deleted() {
			continue
		}
		switch it.kind() {
		case kindString:
			dst = append(dst, escapeXML.Replace(string(s.content(it)))...)
		case kindType:
			if dst, err = s.appendXML(dst, typeRef(it.data), depth-1); err != nil {
				return nil, err
			}
		}
	}
	if node != "" {
		dst = append(append(append(dst, '<', '/'), node...), '>')
	}
	return dst, nil
}

// appendAttribute writes a string as it is and anything else as JSON.
func (s *store) appendAttribute(dst []byte, e entry, depth int) ([]byte, error) {
	value, err := s.appendLast(nil, e, depth)
	if err != nil {
		return nil, err
	}
	if it := &s.items[e.last]; it.kind() == kindAny {
		r := lib0.NewReader(s.content(it)[elementCut(kindAny, s.content(it), uint64(it.length-1)):])
		if v, err := r.Any(); err == nil {
			if text, ok := v.(string); ok {
				value = []byte(text)
			}
		}
	}
	return append(dst, escapeXML.Replace(string(value))...), nil
}

var escapeXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
