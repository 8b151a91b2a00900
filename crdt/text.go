package crdt

import (
	"fmt"

	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// Text is a view of a type as text with formatting (Yjs: Y.Text). Indices and lengths
// count UTF-16 code units, as JavaScript does: "😀" has length 2, an embed has length 1.
// An index between the two halves of a surrogate pair is refused with ErrHalfPair.
//
// A type that also holds other content can be viewed as text. String then returns only
// its strings; Delta returns its strings, embeds and nested types.
type Text struct{ Type }

// Insert inserts s before the unit at index, 0 ≤ index ≤ Length. The inserted text takes
// the formatting in force at that place. Errors: ErrRange, ErrHalfPair, ErrUTF8,
// ErrTooLarge, and the errors of every edit: ErrClosed, ErrGone.
func (t Text) Insert(tx *Tx, index int, s string) error {
	c, err := textContent(s)
	if err != nil {
		return err
	}
	return t.insert(tx, index, c, nil)
}

// InsertWith inserts s before the unit at index with exactly the attributes a; formatting
// in force at that place is not inherited. Errors: those of Insert, and ErrValue,
// ErrUTF8 and lib0.ErrDepth for attribute values that JSON cannot represent.
func (t Text) InsertWith(tx *Tx, index int, s string, a Attributes) error {
	c, err := textContent(s)
	if err != nil {
		return err
	}
	wanted, err := a.marks()
	if err != nil {
		return err
	}
	return t.insert(tx, index, c, wanted)
}

// InsertEmbed inserts one embed before the unit at index with exactly the attributes a.
// An embed is an object that takes one unit in the text, such as {"image": "…"}, or a
// nested type: [NewMap] or another of the New types. Errors: those of InsertWith;
// ErrValue if embed is nil or a string.
func (t Text) InsertEmbed(tx *Tx, index int, embed any, a Attributes) error {
	c, err := embedContent(embed)
	if err != nil {
		return err
	}
	wanted, err := a.marks()
	if err != nil {
		return err
	}
	return t.insert(tx, index, c, wanted)
}

// insert inserts c with the wanted marks. If wanted is nil, c takes the marks in force at
// index.
func (t Text) insert(tx *Tx, index int, c content, wanted marks) error {
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	if err := w.checkSize(c); err != nil {
		return err
	}
	if c.length == 0 {
		_, _, err := tx.doc.locate(w.t, index)
		return err
	}
	p, err := w.seek(index)
	if err != nil {
		return err
	}
	if wanted == nil {
		wanted = p.marks
	}
	return w.insertText(&p, &c, wanted)
}

// Delete deletes length units, starting with the unit at index. Format marks that only
// affected the deleted units are deleted too. Errors: ErrRange, ErrHalfPair, and the
// errors of every edit: ErrClosed, ErrGone.
func (t Text) Delete(tx *Tx, index, length int) error {
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	if err := w.checkRange(index, length); err != nil || length == 0 {
		return err
	}
	p, err := w.seek(index)
	if err != nil {
		return err
	}
	w.deleteText(&p, length)
	return nil
}

// Format sets the attributes a on length units, starting with the unit at index. An
// attribute whose value is nil is removed; attributes that a does not name stay.
// Errors: ErrRange, ErrHalfPair, ErrTooLarge, ErrValue, ErrUTF8 and lib0.ErrDepth for
// values that JSON cannot represent, and those of every edit: ErrClosed, ErrGone.
func (t Text) Format(tx *Tx, index, length int, a Attributes) error {
	wanted, err := a.marks()
	if err != nil {
		return err
	}
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	if err := w.checkRange(index, length); err != nil || length == 0 {
		return err
	}
	if err := w.checkMarksSize(wanted); err != nil {
		return err
	}
	p, err := w.seek(index)
	if err != nil {
		return err
	}
	return w.formatText(&p, length, wanted)
}

// String returns the plain text: all strings, without embeds and formatting.
func (t Text) String() string {
	return string(t.doc.store.appendText(nil, t.ref()))
}

// MarshalJSON returns String as a JSON string, as Yjs's Text.toJSON does. It never
// fails.
func (t Text) MarshalJSON() ([]byte, error) {
	return jsvalue.AppendString(nil, t.doc.store.appendText(nil, t.ref())), nil
}

// Attribute returns an attribute of the text as a whole, and false if it is not set.
// Such attributes are independent of formatting, and few applications use them
// (Yjs: Text.getAttribute).
func (t Text) Attribute(name string) (any, bool) { return t.AsMap().Get(name) }

// SetAttribute sets an attribute of the text as a whole; see [Map.Set] for values and
// errors.
func (t Text) SetAttribute(tx *Tx, name string, value any) error {
	return t.AsMap().Set(tx, name, value)
}

// RemoveAttribute removes an attribute of the text as a whole; see [Map.Delete].
func (t Text) RemoveAttribute(tx *Tx, name string) error { return t.AsMap().Delete(tx, name) }

// embedContent encodes the embed v as the content of one item.
func embedContent(v any) (content, error) {
	switch v.(type) {
	case NewText, NewArray, NewMap, NewXMLText, NewXMLElement, NewXMLFragment:
		return valueContent(v, lib0.MaxDepth)
	case nil, string:
		return content{}, fmt.Errorf("%w: an embed is an object or a nested type", ErrValue)
	}
	b, err := appendJSONOf(nil, v, lib0.MaxDepth)
	return content{kind: kindEmbed, length: 1, data: lib0.AppendVarBytes(nil, b)}, err
}

// checkRange checks that length units from index on lie within the list, and that
// neither end of the range splits a surrogate pair.
func (w *writer) checkRange(index, length int) error {
	if index < 0 || length < 0 || index > w.s.lengthOf(w.t)-length {
		return ErrRange
	}
	for _, at := range [...]int{index, index + length} {
		p, n, err := w.tx.doc.locate(w.t, at)
		if err != nil {
			return err
		}
		if n > 0 && w.s.splitsPair(p.right, n) {
			return ErrHalfPair
		}
	}
	return nil
}
