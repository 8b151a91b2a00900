package crdt

import (
	"iter"

	"weft/crdt/lib0"
)

// Array is a view of a type as a list of values (Yjs: Y.Array). Values are JSON values,
// []byte, [Subdoc] and nested types; value.go has the full list. Indices and lengths count
// elements.
//
// If a text is viewed as an array, each of its UTF-16 units is one element, a string; each
// half of a surrogate pair reads as U+FFFD. Embeds are elements too. Formatting does not
// show.
type Array struct{ Type }

// Insert inserts values before the element at index, 0 ≤ index ≤ Length. Errors: ErrRange;
// ErrUTF8, ErrValue and lib0.ErrDepth for values that cannot be stored; ErrTooLarge; and
// the errors of every edit: ErrClosed, ErrGone.
func (a Array) Insert(tx *Tx, index int, values ...any) error {
	return tx.insertList(a.Type, index, values, listContents)
}

// Push inserts values at the end of the list, behind deleted elements too. Errors: those of
// Insert, except ErrRange.
func (a Array) Push(tx *Tx, values ...any) error {
	return tx.insertList(a.Type, atEnd, values, listContents)
}

// Delete deletes length elements, starting with the one at index. Errors: ErrRange, and
// the errors of every edit: ErrClosed, ErrGone.
func (a Array) Delete(tx *Tx, index, length int) error { return tx.deleteList(a.Type, index, length) }

// Get returns the element at index, and false if index is out of range.
func (a Array) Get(index int) (any, bool) {
	p, n, err := a.doc.locate(a.ref(), index)
	if err != nil || index >= a.Length() {
		return nil, false
	}
	s := &a.doc.store
	for !s.visible(p.right) {
		p.right = s.next(p.right)
	}
	return s.value(a.doc, p.right, n), true
}

// Slice returns the elements with from ≤ index < to. Both bounds are clamped to the array.
func (a Array) Slice(from, to int) []any {
	from = max(from, 0)
	to = min(to, a.Length())
	if from >= to {
		return nil
	}
	s := &a.doc.store
	p, n, _ := a.doc.locate(a.ref(), from) // within range
	values := make([]any, 0, to-from)
	for len(values) < to-from {
		if s.visible(p.right) {
			all := s.values(a.doc, p.right)
			values = append(values, all[n:min(len(all), n+to-from-len(values))]...)
			n = 0
		}
		p.right = s.next(p.right)
	}
	return values
}

// Values returns all elements.
func (a Array) Values() []any { return a.Slice(0, a.Length()) }

// All yields all elements with their indices. The document must not change during the
// iteration.
func (a Array) All() iter.Seq2[int, any] {
	return func(yield func(int, any) bool) {
		s := &a.doc.store
		i := 0
		for r := s.listOf(a.ref()); r != 0; r = s.next(r) {
			if !s.visible(r) {
				continue
			}
			for _, v := range s.values(a.doc, r) {
				if !yield(i, v) {
					return
				}
				i++
			}
		}
	}
}

// MarshalJSON returns the array as Yjs's toJSON does; see [Doc.JSON] for values that JSON
// cannot represent. Errors: ErrTooDeep.
func (a Array) MarshalJSON() ([]byte, error) {
	return a.doc.store.appendArray(nil, a.ref(), MaxExportDepth)
}

// String returns the array as JSON, or the text of the error. It is for logs and tests.
func (a Array) String() string { return jsonStringOf(a) }

// atEnd is passed to insertList instead of an index, and means: behind all items,
// deleted ones included.
const atEnd = -1

// insertList inserts values before the element at index of a list. encode turns the values
// into contents; its second argument is the nesting depth that it may use.
func (tx *Tx) insertList(t Type, index int, values []any, encode func([]any, int) ([]content, error)) error {
	w, err := tx.edit(t)
	if err != nil {
		return err
	}
	cs, err := encode(values, lib0.MaxDepth)
	if err != nil {
		return err
	}
	if err := w.checkSize(cs...); err != nil {
		return err
	}
	if len(cs) == 0 && index != atEnd {
		_, _, err := tx.doc.locate(w.t, index)
		return err
	}
	end := index == atEnd
	if end {
		index = w.s.lengthOf(w.t)
	}
	p, err := w.seek(index)
	if err != nil {
		return err
	}
	for end && p.right != 0 {
		w.s.advance(&p)
	}
	tx.doc.markers.afterInsert(w.t, index, len(values))
	for i := range cs {
		p.left = w.insertBetween(p.left, p.right, &cs[i])
	}
	return nil
}

// deleteList deletes length elements of a list, starting with the one at index.
func (tx *Tx) deleteList(t Type, index, length int) error {
	w, err := tx.edit(t)
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
	w.deleteUnits(&p, length)
	return nil
}

// deleteUnits deletes the next length visible units behind p, and no format marks. p moves
// to the end of the deleted range. The caller has checked that there are length units.
func (w *writer) deleteUnits(p *listPosition, length int) {
	s := w.s
	index := p.index
	for n := length; n > 0; s.advance(p) {
		if !s.visible(p.right) {
			continue
		}
		if n < s.units(p.right) {
			w.tx.splitItem(p.right, n)
		}
		n -= s.units(p.right)
		w.tx.delete(p.right) // so forward does not add its units to p.index
	}
	w.tx.doc.markers.afterDelete(w.t, index, length)
}
