package crdt

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"weft/crdt/lib0"
)

// MaxExportDepth is how many types within types JSON follows.
const MaxExportDepth = 100

// Text is the plain text of a root: its visible strings joined, without embeds and
// formatting. "" if there is no such root.
func (d *Doc) Text(root string) string {
	return string(d.store.appendText(nil, d.store.findRoot(root)))
}

func (s *store) appendText(dst []byte, t typeRef) []byte {
	for r := s.types[t].start; r != 0; r = s.items[r].right {
		if it := &s.items[r]; it.kind() == kindString && !it.deleted() {
			dst = append(dst, s.content(it)...)
		}
	}
	return dst
}

// JSON exports the document as an object with one member for each root, by name.
// Roots do not say what they are, and nested types written by Yjs 14 do not say the
// truth, so that the shape follows from what a type holds:
//
//	text, embeds or formatting      a string, as Text
//	XML elements                    a string of XML
//	other visible list elements     an array
//	keys only                       an object
//	nothing                         as declared: [], {} or ""; for a root null
//
// Byte arrays become base64, undefined becomes null (members of objects: nothing),
// NaN and infinities null, subdocuments {"guid": …}. Errors: ErrTooDeep.
func (d *Doc) JSON() ([]byte, error) {
	s := &d.store
	roots := slices.Clone(s.roots)
	name := func(t typeRef) string { return s.names.list[s.types[t].name] }
	slices.SortFunc(roots, func(a, b typeRef) int { return strings.Compare(name(a), name(b)) })
	dst := []byte{'{'}
	for i, t := range roots {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, name(t)), ':')
		var err error
		if dst, err = s.appendJSON(dst, t, MaxExportDepth); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// look is what a type is to be exported as.
type look int

const (
	lookEmpty look = iota
	lookText
	lookXML
	lookArray
	lookMap
)

// look decides by what t holds, and by its declared shape only where that is open.
func (s *store) look(t typeRef) look {
	shape := s.types[t].shape
	if shapeHasName(shape) {
		return lookXML
	}
	for r := s.types[t].start; r != 0; r = s.items[r].right {
		it := &s.items[r]
		if it.deleted() {
			continue
		}
		switch it.kind() {
		case kindString, kindEmbed, kindFormat:
			return lookText
		case kindType:
			if child := s.types[it.data].shape; shape == shapeXMLFragment || shapeHasName(child) || child == shapeXMLText {
				return lookXML
			}
		}
		return lookArray
	}
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		if !s.items[s.entries[e].last].deleted() {
			return lookMap
		}
	}
	return lookEmpty
}

func (s *store) appendJSON(dst []byte, t typeRef, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, ErrTooDeep
	}
	var err error
	switch s.look(t) {
	case lookText:
		return appendQuoted(dst, string(s.appendText(nil, t))), nil
	case lookXML:
		xml, err := s.appendXML(nil, t, depth)
		return appendQuoted(dst, string(xml)), err
	case lookArray:
		dst = append(dst, '[')
		for r := s.types[t].start; r != 0; r = s.items[r].right {
			it := &s.items[r]
			if !it.visible() {
				continue
			}
			if dst, err = s.appendValues(dst, it, depth); err != nil {
				return nil, err
			}
			dst = append(dst, ',')
		}
		dst[len(dst)-1] = ']' // there is at least one element
		return dst, nil
	case lookMap:
		return s.appendObject(dst, t, depth)
	}
	if s.types[t].owner == 0 {
		return append(dst, "null"...), nil
	}
	switch s.types[t].shape {
	case shapeArray:
		return append(dst, "[]"...), nil
	case shapeMap:
		return append(dst, "{}"...), nil
	}
	return append(dst, `""`...), nil
}

func (s *store) appendObject(dst []byte, t typeRef, depth int) ([]byte, error) {
	dst = append(dst, '{')
	for i, e := range s.liveEntries(t) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, s.names.list[e.key]), ':')
		var err error
		if dst, err = s.appendLast(dst, e, depth); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// liveEntries are the keys of t that have a value, by name.
func (s *store) liveEntries(t typeRef) []entry {
	var live []entry
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		if !s.items[s.entries[e].last].deleted() {
			live = append(live, s.entries[e])
		}
	}
	slices.SortFunc(live, func(a, b entry) int {
		return strings.Compare(s.names.list[a.key], s.names.list[b.key])
	})
	return live
}

// appendLast writes the value of a key: the last unit of its last item.
func (s *store) appendLast(dst []byte, e entry, depth int) ([]byte, error) {
	it := s.items[e.last]
	if n := it.length - 1; n > 0 && (it.kind() == kindAny || it.kind() == kindJSON) {
		at := uint32(elementCut(it.kind(), s.content(&it), uint64(n)))
		it.data, it.size, it.length = it.data+at, it.size-at, 1
	}
	return s.appendValues(dst, &it, depth)
}

// appendValues writes all units of an item, separated by commas.
func (s *store) appendValues(dst []byte, it *item, depth int) ([]byte, error) {
	if it.kind() == kindType {
		return s.appendJSON(dst, typeRef(it.data), depth-1)
	}
	r := lib0.NewReader(s.content(it))
	switch it.kind() {
	case kindString:
		return appendQuoted(dst, string(s.content(it))), nil
	case kindBinary:
		b, _ := r.VarBytes()
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
		return append(dst, '"'), nil
	case kindDoc:
		guid, _ := r.VarBytes()
		return append(appendQuoted(append(dst, `{"guid":`...), string(guid)), '}'), nil
	case kindFormat:
		return append(dst, "null"...), nil
	}
	for i := 0; r.Len() > 0; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if it.kind() == kindAny {
			dst = appendAnyJSON(dst, &r)
			continue
		}
		switch text, _ := r.VarBytes(); string(text) {
		case "undefined":
			dst = append(dst, "null"...)
		default:
			dst = append(dst, text...)
		}
	}
	return dst, nil
}

// appendAnyJSON turns one stored any value into JSON, keys in their order.
func appendAnyJSON(dst []byte, r *lib0.Reader) []byte {
	switch tag := r.Rest()[0]; tag {
	case lib0.TagArray, lib0.TagObject:
		r.Byte() //nolint:errcheck // stored content was validated
		n, _ := r.Uvarint()
		open, shut := byte('['), byte(']')
		if tag == lib0.TagObject {
			open, shut = '{', '}'
		}
		dst = append(dst, open)
		first := true
		for ; n > 0; n-- {
			var key []byte
			if tag == lib0.TagObject {
				key, _ = r.VarBytes()
				if r.Rest()[0] == lib0.TagUndefined {
					r.Byte() //nolint:errcheck // stored content was validated
					continue
				}
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if tag == lib0.TagObject {
				dst = append(appendQuoted(dst, string(key)), ':')
			}
			dst = appendAnyJSON(dst, r)
		}
		return append(dst, shut)
	}
	switch v, _ := r.Any(); v := v.(type) {
	case string:
		return appendQuoted(dst, v)
	case []byte:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
		return append(dst, '"')
	case float64:
		if v == 0 {
			return append(dst, '0') // −0 too

		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(dst, "null"...)
		}
		b, _ := json.Marshal(v)
		return append(dst, b...)
	case lib0.Undefined:
		return append(dst, "null"...)
	default:
		b, _ := json.Marshal(v) // bool, integers, nil
		return append(dst, b...)
	}
}

// appendQuoted writes a JSON string: only what JSON must escape is escaped.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
