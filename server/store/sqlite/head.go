package sqlite

import (
	"time"
)

// A document's head is the id of its last record. It is stored once nobody has written
// to the document for headQuiet, and when the store closes. If the last records are
// missing when the file is opened again, the stored head shows it. Storing the head with
// every record would make every append touch a random page.

const (
	headQuiet      = 10 * time.Second
	headsPerCommit = 32 // heads stored along with one commit, at most
)

// unsavedHeads is the set of documents that were written to since their head was
// stored. It belongs to the writing goroutine.
type unsavedHeads struct {
	heads map[docID]head
	at    map[docID]time.Time // of the last record
	order []docID             // by when they were added, roughly; see takeQuiet
}

// add notes that the document has got its last record now.
func (u *unsavedHeads) add(h head, now time.Time) {
	if u.heads == nil {
		u.heads, u.at = map[docID]head{}, map[docID]time.Time{}
	}
	if _, ok := u.heads[h.doc]; !ok {
		u.order = append(u.order, h.doc)
	}
	u.heads[h.doc], u.at[h.doc] = h, now
}

// takeQuiet removes and returns the heads of up to limit documents that nobody has
// written to since then. It looks at the first 2*limit documents in order, and moves
// those that are not quiet to the end.
func (u *unsavedHeads) takeQuiet(since time.Time, limit int) (quiet []head) {
	for range min(len(u.order), 2*limit) {
		doc := u.order[0]
		u.order = u.order[1:]
		if u.at[doc].After(since) {
			u.order = append(u.order, doc)
			continue
		}
		quiet = append(quiet, u.heads[doc])
		delete(u.heads, doc)
		delete(u.at, doc)
		if len(quiet) == limit {
			break
		}
	}
	return quiet
}

// saveHeads stores heads, in the current transaction.
func (t *tx) saveHeads(heads []head) error {
	for _, h := range heads {
		if _, err := t.exec("UPDATE docs SET head = max(head, ?) WHERE id = ?", h.last, h.doc); err != nil {
			return err
		}
	}
	return nil
}

// saveAllHeads stores all heads, in a commit of its own. A failure is ignored: it only
// means that a later loss of these documents' last records goes unnoticed.
func (w *writer) saveAllHeads() {
	heads := w.unsavedHeads.takeQuiet(time.Now().Add(time.Hour), len(w.unsavedHeads.order))
	if len(heads) == 0 || w.stale {
		return
	}
	_, _ = w.try([]*write{{run: func(t *tx) error { return t.saveHeads(heads) }}})
}
