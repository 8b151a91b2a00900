package crdt

import (
	"strings"

	"weft/crdt/lib0"
)

// Delta is formatted text, or a change of it, as Quill and Yjs write it: a list of
// operations from left to right. As the content of a text it holds inserts only.
//
//	[{"insert": "Hello "}, {"insert": "world", "attributes": {"bold": true}}]
//	[{"retain": 6}, {"delete": 5}, {"insert": {"image": "…"}}]
type Delta []Op

// Op is one step of a delta: exactly one of Insert, Retain and Delete is set.
type Op struct {
	// Insert is a string, an embed, or a nested type: a view when read, NewMap and its
	// kin when written.
	Insert any `json:"insert,omitempty"`
	// Retain goes over so many UTF-16 units, and sets Attributes on them.
	Retain int `json:"retain,omitempty"`
	// Delete deletes so many UTF-16 units.
	Delete int `json:"delete,omitempty"`
	// Attributes are those of the insert: it has no others. For a retain, those that
	// change; nil takes one away.
	Attributes Attributes `json:"attributes,omitempty"`
}

// Delta is the text with its formatting, embeds and nested types.
func (t Text) Delta() Delta {
	d := t.doc
	s := &d.store
	var delta Delta
	var run strings.Builder
	var m marks
	flush := func() {
		if run.Len() > 0 {
			delta = append(delta, Op{Insert: run.String(), Attributes: m.attributes()})
			run.Reset()
		}
	}
	for r := s.listOf(t.ref()); r != 0; r = s.next(r) {
		if s.deleted(r) {
			continue
		}
		switch s.kindOf(r) {
		case kindString:
			run.Write(s.raw(r))
		case kindEmbed, kindType:
			flush()
			delta = append(delta, Op{Insert: s.embed(d, r), Attributes: m.attributes()})
		case kindFormat:
			flush()
			m = m.afterMark(s.formatOf(r))
		}
	}
	flush()
	return delta
}

// embed is what stands in the text at r: an embed or a nested type.
func (s *store) embed(d *Doc, r ref) any {
	if s.kindOf(r) == kindType {
		return s.view(d, s.nested(r))
	}
	b := lib0.NewReader(s.raw(r))
	text, _ := b.VarBytes() //nolint:errcheck // validated when it was decoded
	return valueOfJSON(text)
}

// ApplyDelta changes the text from its start on as delta says. A retain past the end
// adds line breaks, as in Yjs: editors end every text with one, which is not there.
// Errors, before anything changes: ErrRange for a delete past the end and for counts
// below 0, ErrOp for an operation that does not say one thing, and those of InsertWith
// and InsertEmbed.
func (t Text) ApplyDelta(tx *Tx, delta Delta) error {
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	steps, err := w.encodeDelta(delta)
	if err != nil {
		return err
	}
	p, _ := w.seek(0) // the front is always there
	for i := range steps {
		step := &steps[i]
		switch op := &delta[i]; {
		case op.Insert != nil:
			if step.content.length > 0 {
				err = w.insertText(&p, &step.content, step.marks)
			}
		case op.Delete > 0:
			w.deleteText(&p, op.Delete)
		case i == 0 && len(step.marks) == 0 && op.Retain <= w.s.lengthOf(w.t):
			p, err = w.seek(op.Retain)
		default:
			err = w.formatText(&p, op.Retain, step.marks)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step is an operation, encoded.
type deltaStep struct {
	content content
	marks   marks
}

// prepare encodes a delta and checks all of it.
func (w *writer) encodeDelta(delta Delta) (steps []deltaStep, err error) {
	length := w.s.lengthOf(w.t)
	at, units, size := 0, uint64(0), 0
	steps = make([]deltaStep, len(delta))
	for i, op := range delta {
		step := &steps[i]
		if step.marks, err = op.Attributes.marks(); err != nil {
			return nil, err
		}
		for _, m := range step.marks {
			units, size = units+2, size+2*len(m.key)+len(m.value)+20
		}
		switch {
		case op.Insert != nil && op.Retain == 0 && op.Delete == 0:
			if s, ok := op.Insert.(string); ok {
				step.content, err = textContent(s)
			} else {
				step.content, err = embedContent(op.Insert)
			}
			if err != nil {
				return nil, err
			}
			u, b := step.content.size()
			units, size = units+u, size+b
			continue
		case op.Retain > 0 && op.Insert == nil && op.Delete == 0:
			if at += op.Retain; at > length || at < 0 {
				if op.Retain > maxBytes {
					return nil, ErrTooLarge
				}
				units, size = units+uint64(at-length), size+at-length
				at = length
			}
		case op.Delete > 0 && op.Insert == nil && op.Retain == 0 && op.Attributes == nil:
			if op.Delete > length-at {
				return nil, ErrRange
			}
			at += op.Delete
		case op.Retain < 0 || op.Delete < 0:
			return nil, ErrRange
		default:
			return nil, ErrOp
		}
		if p, n, err := w.tx.doc.find(w.t, at); err != nil {
			return nil, err
		} else if n > 0 && w.s.splitsPair(p.right, n) {
			return nil, ErrHalfPair
		}
	}
	return steps, w.tx.doc.mayWrite(size, units)
}
