package crdt

import (
	"strings"

	"weft/crdt/lib0"
)

// Delta is formatted text, or a change of it, in Quill's format, which Yjs uses too: a
// list of operations that are applied from left to right. A delta that describes the
// content of a text holds inserts only.
//
//	[{"insert": "Hello "}, {"insert": "world", "attributes": {"bold": true}}]
//	[{"retain": 6}, {"delete": 5}, {"insert": {"image": "…"}}]
type Delta []Op

// Op is one step of a delta: exactly one of Insert, Retain and Delete is set.
type Op struct {
	// Insert is a string, an embed, or a nested type. A nested type is a view when read,
	// and NewMap or another of the New types when written.
	Insert any `json:"insert,omitempty"`
	// Retain moves over this many UTF-16 units and sets Attributes on them.
	Retain int `json:"retain,omitempty"`
	// Delete deletes this many UTF-16 units.
	Delete int `json:"delete,omitempty"`
	// Attributes of an insert are all its attributes. Attributes of a retain are those
	// that change; a nil value removes one.
	Attributes Attributes `json:"attributes,omitempty"`
}

// Delta returns the whole text with its formatting, embeds and nested types (Yjs:
// Text.toDelta). Each insert is as long as its attributes stay the same.
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

// embed returns the value of item r of a text: an embed, or the view of a nested type.
func (s *store) embed(d *Doc, r ref) any {
	if s.kindOf(r) == kindType {
		return s.view(d, s.nested(r))
	}
	b := lib0.NewReader(s.raw(r))
	text, _ := b.VarBytes() //nolint:errcheck // validated when it was decoded
	return valueOfJSON(text)
}

// ApplyDelta applies delta to the text, beginning at its start (Yjs: Text.applyDelta). A
// retain past the end appends line breaks, as in Yjs: editors assume a final line break,
// which the document does not store. Errors, returned before anything changes:
//
//   - ErrRange for a delete past the end and for counts below 0
//   - ErrOp for an operation that does not set exactly one of Insert, Retain and Delete
//   - ErrHalfPair for an operation that ends within a surrogate pair
//   - those of InsertWith and InsertEmbed
func (t Text) ApplyDelta(tx *Tx, delta Delta) error {
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	steps, err := w.encodeDelta(delta)
	if err != nil {
		return err
	}
	p, _ := w.seek(0) // index 0 is valid in every list
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
			p, err = w.seek(op.Retain) // uses search markers instead of walking
		default:
			err = w.formatText(&p, op.Retain, step.marks)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deltaStep is one encoded operation of a delta.
type deltaStep struct {
	content content // of an insert
	marks   marks
}

// deltaEncoder encodes the operations of a delta, checks them against the text as it is
// before the delta, and adds up how much the document may grow.
type deltaEncoder struct {
	w     *writer
	index int    // in the text before the delta, behind the operations so far
	units uint64 // clocks that the operations need at most
	bytes int    // of content that they need at most
}

// encodeDelta encodes delta and checks all of it, so that applying it cannot fail in the
// middle.
func (w *writer) encodeDelta(delta Delta) (steps []deltaStep, err error) {
	e := deltaEncoder{w: w}
	steps = make([]deltaStep, len(delta))
	for i := range delta {
		if err := e.encode(&delta[i], &steps[i]); err != nil {
			return nil, err
		}
	}
	return steps, w.tx.doc.checkCapacity(e.bytes, e.units)
}

func (e *deltaEncoder) encode(op *Op, step *deltaStep) (err error) {
	if step.marks, err = op.Attributes.marks(); err != nil {
		return err
	}
	for _, m := range step.marks { // an opening and a closing mark
		e.units, e.bytes = e.units+2, e.bytes+2*len(m.key)+len(m.value)+20
	}
	switch {
	case op.Insert != nil && op.Retain == 0 && op.Delete == 0:
		return e.insert(op, step)
	case op.Retain > 0 && op.Insert == nil && op.Delete == 0:
		return e.retain(op.Retain)
	case op.Delete > 0 && op.Insert == nil && op.Retain == 0 && op.Attributes == nil:
		return e.delete(op.Delete)
	case op.Retain < 0 || op.Delete < 0:
		return ErrRange
	}
	return ErrOp
}

func (e *deltaEncoder) insert(op *Op, step *deltaStep) (err error) {
	if s, ok := op.Insert.(string); ok {
		step.content, err = textContent(s)
	} else {
		step.content, err = embedContent(op.Insert)
	}
	if err != nil {
		return err
	}
	u, b := step.content.size()
	e.units, e.bytes = e.units+u, e.bytes+b
	return nil
}

// retain moves over n units. Behind the end of the text each unit is a line break that
// will be appended.
func (e *deltaEncoder) retain(n int) error {
	length := e.w.s.lengthOf(e.w.t)
	if e.index += n; e.index > length || e.index < 0 {
		if n > maxBytes {
			return ErrTooLarge
		}
		e.units, e.bytes = e.units+uint64(e.index-length), e.bytes+e.index-length
		e.index = length
	}
	return e.checkIndex()
}

func (e *deltaEncoder) delete(n int) error {
	if n > e.w.s.lengthOf(e.w.t)-e.index {
		return ErrRange
	}
	e.index += n
	return e.checkIndex()
}

// checkIndex refuses an index between the halves of a surrogate pair.
func (e *deltaEncoder) checkIndex() error {
	p, n, err := e.w.tx.doc.locate(e.w.t, e.index)
	if err != nil {
		return err
	}
	if n > 0 && e.w.s.splitsPair(p.right, n) {
		return ErrHalfPair
	}
	return nil
}
