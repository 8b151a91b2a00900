package crdt

import (
	"encoding/base64"
	"slices"
	"strings"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// MaxExportDepth is how deeply types may nest for an export as JSON or XML; beyond it,
// exports return ErrTooDeep.
const MaxExportDepth = 100

// JSON exports the document as a JSON object with one member for each root, sorted by name.
// Nested types are written as Yjs's toJSON writes them, with the keys of shared maps sorted.
// Roots do not record what kind of type they are, and neither do nested types that Yjs 14
// wrote. The form of those follows from their content:
//
//	text, embeds or formatting      a string: the text
//	XML elements, XML text          a string: XML, as XMLFragment.String
//	other visible list elements     an array
//	keys only                       an object
//	nothing                         "" if nested; for a root null
//
// To choose the form of a root, marshal a view of it: json.Marshal(doc.Map("m")).
//
// Values that JSON cannot represent are converted: byte arrays to base64; undefined to
// null, but members of objects that are undefined are left out; NaN and infinities to null;
// bigints to numbers; subdocuments to {"guid": …}. Errors: ErrTooDeep.
func (d *Doc) JSON() ([]byte, error) {
	s := &d.store
	roots := slices.Clone(s.roots)
	slices.SortFunc(roots, func(a, b typeRef) int { return strings.Compare(s.nameOf(a), s.nameOf(b)) })
	dst := []byte{'{'}
	for i, t := range roots {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsvalue.AppendString(dst, []byte(s.nameOf(t))), ':')
		var err error
		if dst, err = s.appendJSON(dst, t, MaxExportDepth); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// exportKind is the form in which a type is exported.
type exportKind int

const (
	exportEmpty exportKind = iota
	exportText
	exportXML
	exportArray
	exportMap
)

// exportKindOf returns the form in which t is exported: by its declared shape if possible.
// Roots declare none, and a nested fragment may be anything, because Yjs 14 declares all
// nested types without a name as fragments; their first visible content decides.
func (s *store) exportKindOf(t typeRef) exportKind {
	if s.ownerOf(t) != 0 {
		switch s.shapeOf(t) {
		case codec.ShapeArray:
			return exportArray
		case codec.ShapeMap, codec.ShapeXMLHook:
			return exportMap
		case codec.ShapeText:
			return exportText
		case codec.ShapeXMLElement, codec.ShapeXMLText:
			return exportXML
		}
	}
	for r := s.listOf(t); r != 0; r = s.next(r) {
		if s.deleted(r) {
			continue
		}
		switch s.kindOf(r) {
		case kindString, kindEmbed, kindFormat:
			return exportText
		case kindType:
			switch s.shapeOf(s.nested(r)) {
			case codec.ShapeXMLElement, codec.ShapeXMLText, codec.ShapeXMLHook:
				return exportXML
			case codec.ShapeXMLFragment:
				if s.ownerOf(t) != 0 {
					return exportXML
				}
			}
		}
		return exportArray
	}
	if len(s.liveEntries(t)) > 0 {
		return exportMap
	}
	return exportEmpty
}

// appendJSON writes t in the form of exportKindOf. depth is how many more levels may nest.
func (s *store) appendJSON(dst []byte, t typeRef, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, ErrTooDeep
	}
	switch s.exportKindOf(t) {
	case exportText:
		return jsvalue.AppendString(dst, s.appendText(nil, t)), nil
	case exportXML:
		xml, err := s.xmlOf(t, xmlLikeYjs)
		return jsvalue.AppendString(dst, xml), err
	case exportArray:
		return s.appendArray(dst, t, depth)
	case exportMap:
		return s.appendObject(dst, t, depth)
	}
	if s.ownerOf(t) == 0 {
		return append(dst, null...), nil
	}
	return append(dst, `""`...), nil
}

// appendText writes the visible strings of a list, as plain UTF-8.
func (s *store) appendText(dst []byte, t typeRef) []byte {
	for r := s.listOf(t); r != 0; r = s.next(r) {
		if s.kindOf(r) == kindString && !s.deleted(r) {
			dst = append(dst, s.raw(r)...)
		}
	}
	return dst
}

// appendArray writes the visible units of a list as a JSON array.
func (s *store) appendArray(dst []byte, t typeRef, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	first := true
	for r := s.listOf(t); r != 0; r = s.next(r) {
		if !s.visible(r) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if dst, err = s.appendValues(dst, r, 0, depth); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendObject writes a JSON object of the keys whose value is not undefined.
func (s *store) appendObject(dst []byte, t typeRef, depth int) (_ []byte, err error) {
	dst = append(dst, '{')
	first := true
	for _, e := range s.liveEntries(t) {
		value, err := s.appendValues(nil, e.last, s.units(e.last)-1, depth)
		if err != nil {
			return nil, err
		}
		if string(value) == null && s.lastValue(nil, e.last) == (Undefined{}) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsvalue.AppendString(dst, []byte(s.names.list[e.key])), ':')
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}

// liveEntries returns the map entries of t that have a value, sorted bytewise by key.
func (s *store) liveEntries(t typeRef) []entry {
	var live []entry
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		if !s.deleted(s.entries[e].last) {
			live = append(live, s.entries[e])
		}
	}
	slices.SortFunc(live, func(a, b entry) int {
		return strings.Compare(s.names.list[a.key], s.names.list[b.key])
	})
	return live
}

// appendValues writes the units of an item from unit n on as JSON, separated by commas.
func (s *store) appendValues(dst []byte, r ref, n, depth int) ([]byte, error) {
	b := lib0.NewReader(s.raw(r))
	switch k := s.kindOf(r); k {
	case kindType:
		return s.appendJSON(dst, s.nested(r), depth-1)
	case kindString:
		for i, unit := range s.values(nil, r)[n:] {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jsvalue.AppendString(dst, []byte(unit.(string)))
		}
		return dst, nil // each unit is a string of its own
	case kindBinary:
		data, _ := b.VarBytes() //nolint:errcheck // stored content was validated
		return appendBase64(dst, data), nil
	case kindDoc:
		guid, _ := b.VarBytes() //nolint:errcheck // stored content was validated
		return append(jsvalue.AppendString(append(dst, `{"guid":`...), guid), '}'), nil
	case kindFormat:
		return append(dst, null...), nil
	case kindAny, kindJSON:
		if n > 0 {
			b = lib0.NewReader(s.raw(r)[codec.ElementOffset(k, s.raw(r), uint64(n)):])
		}
	}
	for first := true; b.Len() > 0; first = false {
		if !first {
			dst = append(dst, ',')
		}
		if s.kindOf(r) == kindAny {
			dst = appendAnyJSON(dst, &b)
			continue
		}
		switch text, _ := b.VarBytes(); string(text) {
		case "undefined":
			dst = append(dst, null...)
		default:
			dst = append(dst, text...)
		}
	}
	return dst, nil
}

func appendBase64(dst, data []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), data), '"')
}

// appendAnyJSON reads one stored any value and writes it as JSON, keys in stored order.
func appendAnyJSON(dst []byte, r *lib0.Reader) []byte {
	switch tag := r.Rest()[0]; tag {
	case lib0.TagArray, lib0.TagObject:
		r.Byte()            //nolint:errcheck // stored content was validated
		n, _ := r.Uvarint() //nolint:errcheck // likewise
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
				dst = append(jsvalue.AppendString(dst, key), ':')
			}
			dst = appendAnyJSON(dst, r)
		}
		return append(dst, shut)
	}
	switch v, _ := r.Any(); v := v.(type) {
	case string:
		return jsvalue.AppendString(dst, []byte(v))
	case []byte:
		return appendBase64(dst, v)
	default:
		return append(dst, jsonOfScalar(v)...)
	}
}

// jsonOfScalar returns a number, bigint, bool, null or undefined as JSON.
func jsonOfScalar(v any) string {
	if _, isNumber := v.(float64); isNumber {
		return string(jsvalue.AppendNumber(nil, v.(float64)))
	}
	if v == (Undefined{}) {
		return null
	}
	return jsToString(v)
}
