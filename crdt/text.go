package crdt

import (
	"fmt"

	"weft/crdt/lib0"
)

// Text is a view of a type as text with formatting. Indices and lengths count UTF-16
// code units, as JavaScript does: "😀" is two; an embed is one. An index between the two
// halves of a character is refused with ErrHalfPair.
//
// Read as text, a type that holds something else is that part of it which is text:
// String gives strings only, Delta strings, embeds and nested types.
type Text struct{ Type }

// Insert inserts s before the index-th unit, formatted like the text in front of it.
// Errors: ErrRange, ErrHalfPair, ErrUTF8, ErrTooLarge, and those of every edit:
// ErrClosed, ErrGone.
func (t Text) Insert(tx *Tx, index int, s string) error {
	c, err := textContent(s)
	if err != nil {
		return err
	}
	return t.insert(tx, index, c, nil)
}

// InsertWith inserts s before the index-th unit with these attributes and no others.
// Errors: those of Insert, and of values that JSON has no form for.
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

// InsertEmbed inserts one embed before the index-th unit with these attributes and no
// others: an object that stands in the text as one unit, such as {"image": "…"}, or a
// nested type ([NewMap] and its kin). Errors: those of InsertWith, ErrValue.
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

// insert inserts c; wanted nil: formatted as what is in front.
func (t Text) insert(tx *Tx, index int, c content, wanted marks) error {
	w, err := tx.edit(t.Type)
	if err != nil {
		return err
	}
	if err := w.checkSize(c); err != nil {
		return err
	}
	if c.length == 0 {
		_, _, err := tx.doc.find(w.t, index)
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

// Delete deletes length units from index on. Formatting that only concerned what is
// gone goes with it. Errors: ErrRange, ErrHalfPair.
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

// Format sets attributes on length units from index on; those that are nil are taken
// away, others stay. Errors: ErrRange, ErrHalfPair, and those of values that JSON has
// no form for.
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

// String is the plain text: all strings, without embeds and formatting.
func (t Text) String() string {
	return string(t.doc.store.appendText(nil, t.ref()))
}

// MarshalJSON is String as a JSON string, as Yjs has it.
func (t Text) MarshalJSON() ([]byte, error) {
	return appendJSString(nil, t.doc.store.appendText(nil, t.ref())), nil
}

// Attribute is an attribute of the text as a whole, which formatting knows nothing of;
// false if it is not set. Few applications use these.
func (t Text) Attribute(name string) (any, bool) { return t.AsMap().Get(name) }

// SetAttribute sets an attribute of the text as a whole; see Map.Set.
func (t Text) SetAttribute(tx *Tx, name string, value any) error {
	return t.AsMap().Set(tx, name, value)
}

// RemoveAttribute takes an attribute of the text as a whole away.
func (t Text) RemoveAttribute(tx *Tx, name string) error { return t.AsMap().Delete(tx, name) }

// embedContent encodes one embed.
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

// checkRange checks that a range lies within the list and cuts no pair in two.
func (w *writer) checkRange(index, length int) error {
	if index < 0 || length < 0 || index > w.s.lengthOf(w.t)-length {
		return ErrRange
	}
	for _, at := range [...]int{index, index + length} {
		p, n, err := w.tx.doc.find(w.t, at)
		if err != nil {
			return err
		}
		if n > 0 && w.s.splitsPair(p.right, n) {
			return ErrHalfPair
		}
	}
	return nil
}
