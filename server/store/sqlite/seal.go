package sqlite

import (
	"time"
)

// A document's head, the id of its last record, is written down once nobody has
// written to it for sealAfter, and when the store closes. Doing so with every
// record would make every append touch a random page. If a document's end is
// gone when the file is opened again, the head tells.

const (
	sealAfter = 10 * time.Second
	sealMost  = 32 // heads written along with one commit
)

// unsealed are the documents whose head is not written down, by the time of
// their last record, in the order of their first since then.
type unsealed struct {
	heads map[docID]head
	at    map[docID]time.Time
	order []docID
}

func (u *unsealed) add(h head, now time.Time) {
	if u.heads == nil {
		u.heads, u.at = map[docID]head{}, map[docID]time.Time{}
	}
	if _, ok := u.heads[h.doc]; !ok {
		u.order = append(u.order, h.doc)
	}
	u.heads[h.doc], u.at[h.doc] = h, now
}

// quiet takes up to most documents that have been quiet since then, and puts
// back those at the front that have not.
func (u *unsealed) quiet(since time.Time, most int) (found []head) {
	for range min(len(u.order), 2*most) {
		doc := u.order[0]
		u.order = u.order[1:]
		if u.at[doc].After(since) {
			u.order = append(u.order, doc)
			continue
		}
		found = append(found, u.heads[doc])
		delete(u.heads, doc)
		delete(u.at, doc)
		if len(found) == most {
			break
		}
	}
	return found
}

// seal writes heads down, in the transaction under way.
func (t *tx) seal(heads []head) error {
	for _, h := range heads {
		if _, err := t.exec("UPDATE docs SET head = max(head, ?) WHERE id = ?", h.last, h.doc); err != nil {
			return err
		}
	}
	return nil
}

// sealAll writes down all heads. That it fails loses nothing but the knowledge.
func (w *writer) sealAll() {
	heads := w.unsealed.quiet(time.Now().Add(time.Hour), len(w.unsealed.order))
	if len(heads) == 0 || w.stale {
		return
	}
	_, _ = w.try([]*write{{run: func(t *tx) error { return t.seal(heads) }}})
}
