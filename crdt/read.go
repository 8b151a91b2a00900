package crdt

import (
	"encoding/json"
	"slices"
	"unicode/utf16"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// This file reads items as Go values; value.go lists their types.

// values returns all units of a visible item. d is the document for views of nested types.
func (s *store) values(d *Doc, r ref) []any {
	b := lib0.NewReader(s.raw(r))
	switch s.kindOf(r) {
	case kindAny:
		values := make([]any, 0, s.units(r))
		for b.Len() > 0 {
			v, _ := b.Any() //nolint:errcheck // validated when it was decoded
			values = append(values, v)
		}
		return values
	case kindJSON:
		values := make([]any, 0, s.units(r))
		for b.Len() > 0 {
			text, _ := b.VarBytes() //nolint:errcheck // validated when it was decoded
			values = append(values, valueOfJSON(text))
		}
		return values
	case kindString:
		values := make([]any, 0, s.units(r))
		for _, c := range string(s.raw(r)) {
			if utf16.RuneLen(c) == 2 {
				values = append(values, codec.Replacement, codec.Replacement)
			} else {
				values = append(values, string(c))
			}
		}
		return values
	case kindBinary:
		data, _ := b.VarBytes() //nolint:errcheck // validated when it was decoded
		return []any{slices.Clone(data)}
	case kindDoc:
		guid, _ := b.VarString() //nolint:errcheck // validated when it was decoded
		options, _ := b.Any()
		doc := Subdoc{GUID: guid}
		doc.Options, _ = options.(map[string]any)
		return []any{doc}
	}
	return []any{s.embed(d, r)}
}

// value returns unit n of a visible item, counted from 0.
func (s *store) value(d *Doc, r ref, n int) any {
	if k := s.kindOf(r); k == kindAny || k == kindJSON {
		b := lib0.NewReader(s.raw(r)[codec.ElementOffset(k, s.raw(r), uint64(n)):])
		if k == kindAny {
			v, _ := b.Any() //nolint:errcheck // validated when it was decoded
			return v
		}
		text, _ := b.VarBytes() //nolint:errcheck // validated when it was decoded
		return valueOfJSON(text)
	}
	return s.values(d, r)[n]
}

// lastValue returns the value that an item gives to its key: its last unit.
func (s *store) lastValue(d *Doc, r ref) any {
	if s.kindOf(r) == kindFormat {
		return nil
	}
	return s.value(d, r, s.units(r)-1)
}

// jsonStringOf returns a value as JSON, or the text of the error.
func jsonStringOf(v json.Marshaler) string {
	b, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}
