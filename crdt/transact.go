package crdt

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// Errors of edits that do not concern their arguments; errors.go has the others.
var (
	// ErrBusy refuses to change a document from within Transact, Observe or OnUpdate,
	// other than through the open transaction.
	ErrBusy = errors.New("crdt: a transaction or callback of this document is running")
	// ErrClosed refuses an edit through a transaction that has ended, or that belongs to
	// another document.
	ErrClosed = errors.New("crdt: the transaction has ended or belongs to another document")
	// ErrGone refuses an edit of a nested type that was deleted.
	ErrGone = errors.New("crdt: the type was deleted")
	// ErrClient refuses local edits if Options.ClientID is 2^53 or more.
	ErrClient = errors.New("crdt: client id above 2^53-1")
)

// Tx is an open transaction. Edits take it as an argument, so that none happens outside a
// transaction. It is valid only during the call of Transact that made it.
type Tx struct {
	doc  *Doc
	open bool
}

// Transact runs edit, which may read and change the document, and returns one update (V1)
// with all its changes: what peers need to follow. The changes are signed with
// [Options].ClientID. If nothing changed, the update changes nothing.
//
// Each edit checks its arguments before it changes anything, so edit may go on after an
// error of one of them. If edit itself returns an error or panics, all its changes are
// undone, and err is that error.
//
// Other errors: ErrBusy within another transaction or callback, ErrClient. Within edit,
// ApplyUpdate and Transact return ErrBusy, and the full state must not be encoded. tx, and
// what was read through it, must not be used by other goroutines.
func (d *Doc) Transact(edit func(tx *Tx) error) (update []byte, err error) {
	if d.busy {
		return nil, ErrBusy
	}
	if d.client > maxClock {
		return nil, ErrClient
	}
	d.busy = true
	tx := &Tx{doc: d, open: true}
	d.tx.begin()
	d.tx.local = true
	d.store.work, d.store.budget = 0, unbounded
	roots := len(d.store.roots)
	done := false
	defer func() {
		tx.open, d.tx.local, d.busy = false, false, false
		if !done {
			d.tx.revert(roots)
			d.markers.clear()
			d.cache.invalidate(true)
		}
	}()
	if err := edit(tx); err != nil {
		return nil, err
	}
	done = true
	tx.open = false
	return d.commit(), nil
}

// checkCapacity returns an error if the document has no room for an edit of size bytes and
// length units.
func (d *Doc) checkCapacity(size int, length uint64) error {
	if len(d.store.bytes)+size > maxBytes {
		return ErrTooLarge
	}
	if length > maxUnits || d.store.state(d.client) > maxUnits-length {
		return ErrClock
	}
	if len(d.store.clients) >= maxClients {
		return ErrTooLarge
	}
	return nil
}

// nothing returns the update that changes nothing: no sections, no deletes.
func nothing() []byte { return []byte{0, 0} }

// writer is an open transaction that edits one type.
type writer struct {
	tx *txn
	s  *store
	t  typeRef // 0: a root without content so far

	root   string // name of t, unless nested
	unit   ID     // of the item that holds t, if nested
	nested bool
}

// edit begins an edit of t. Errors: ErrClosed, ErrGone, ErrUTF8.
func (tx *Tx) edit(t Type) (*writer, error) {
	if tx == nil || !tx.open || tx.doc != t.doc {
		return nil, ErrClosed
	}
	w := &writer{tx: &tx.doc.tx, s: &tx.doc.store, t: t.ref(), root: t.root, unit: t.unit, nested: t.nested}
	if t.nested && (w.t == 0 || w.s.isDeletedType(w.t)) {
		return nil, ErrGone
	}
	if !t.nested && !utf8.ValidString(t.root) {
		return nil, ErrUTF8
	}
	return w, nil
}

// revert undoes everything since begin, in a time that depends on that alone. It may only
// follow local edits, which have written under one client id. roots is the number of roots
// before.
func (tx *txn) revert(roots int) {
	s := tx.store()
	for _, d := range tx.deleted {
		log := &s.clients[d.client]
		for p := s.search(log, d.from); log.at(p) != 0 && s.items[log.at(p)].clock < d.to; p = log.next(p) {
			s.undelete(log.at(p))
		}
	}
	tx.deleted = tx.deleted[:0]
	for _, c := range tx.touched {
		before := s.clients[c].before
		tx.itemStartingAt(c, before) // if the first edit extended an existing run
		log := &s.clients[c]
		for log.at(logPos{}) != 0 && s.items[log.at(log.last())].clock >= before {
			s.removeItem(log.at(log.last()))
			log.remove(log.last())
		}
		log.state, log.touched = before, false
		if before == 0 && s.dropClient(c) {
			tx.mergeSpans = slices.DeleteFunc(tx.mergeSpans, func(d span) bool { return d.client == c })
		}
	}
	tx.touched = tx.touched[:0]
	for n := len(s.roots); n > roots; n-- {
		t := s.roots[n-1]
		delete(s.entryIndex, rootKey(s.types[t].name))
		s.releaseType(t)
		s.roots = s.roots[:n-1]
	}
	s.siblings.dropAll()
	tx.commit() // merges the items that were split
}

// undelete undoes the deletion of an item whose content is still there.
func (s *store) undelete(r ref) {
	it := &s.items[r]
	it.meta &^= metaDeleted
	if it.visible() {
		s.types[it.place].length += uint64(it.length)
	}
	if it.kind() == kindDoc {
		s.subdocs++
	}
}

// removeItem removes an item from its list and frees its slot. Nothing was written after
// it. The value that it replaced has been undeleted.
func (s *store) removeItem(r ref) {
	it := &s.items[r]
	if it.visible() {
		s.types[it.place].length -= uint64(it.length)
	}
	if it.kind() == kindDoc {
		s.subdocs--
	}
	left, right := it.left, it.right
	if left != 0 {
		s.items[left].right = right
	} else {
		s.setFirst(it.place, right)
	}
	if right != 0 {
		s.items[right].left = left
	} else {
		s.setLast(it.place, left)
	}
	if left == 0 && right == 0 && it.keyed() {
		s.dropEntry(s.parent(it.place), s.key(it.place))
	}
	if it.kind() == kindType {
		s.releaseType(typeRef(it.data))
		it.data = 0
	} else {
		s.dropContent(it)
	}
	s.releaseItem(r)
}
