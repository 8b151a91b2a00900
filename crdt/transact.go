package crdt

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// Why an edit is refused, beyond its arguments: see errors.go for those.
var (
	// ErrBusy refuses to change a document from within Transact, Observe or OnUpdate,
	// other than through the transaction that is open.
	ErrBusy = errors.New("crdt: the document is in a transaction")
	// ErrClosed refuses an edit through a transaction that is over, or that belongs to
	// another document.
	ErrClosed = errors.New("crdt: not a transaction open on this document")
	// ErrGone refuses an edit of a nested type that was deleted.
	ErrGone = errors.New("crdt: the type was deleted")
	// ErrClient refuses edits signed with a client id that is 2^53 or more.
	ErrClient = errors.New("crdt: client id beyond 2^53-1")
)

// Tx is an open transaction. Edits take it as proof that there is one.
type Tx struct {
	doc  *Doc
	open bool
}

// Transact runs edit, which may read and change the document as often as it likes, and
// makes one update of all of it, signed with [Options].ClientID: what the others need
// to follow. If nothing changed, that is the update that changes nothing.
//
// Each edit checks its arguments before it changes anything, so that after an error
// from one of them edit may go on. If edit itself returns an error, or panics, all its
// edits are taken back: the document is as it was, and err is that error.
//
// Within edit, ApplyUpdate and Transact return ErrBusy, and the full state must not be
// encoded. tx and what was read through it must not be used by other goroutines.
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

// nothing is the update that changes nothing: no sections, no deletes.
func nothing() []byte { return []byte{0, 0} }

// writer is an open transaction about to edit one type.
type writer struct {
	tx *txn
	s  *store
	t  typeRef // 0: a root that nobody has written to yet

	root   string // name of t, unless nested
	unit   ID     // of the item that holds t, if nested
	nested bool
}

// edit begins an edit of t.
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

// revert undoes all that was done since begin, in a time that depends on that alone.
// It may only follow edits made here, which have written under one client id. roots is
// how many roots there were.
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
		tx.itemStartingAt(c, before) // in case the first edit went into a run that was there
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
	tx.commit() // joins what was split
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

// removeItem takes an item out of its list, and its slot back. Nothing was written after
// it, and what it superseded lives again.
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
