package sqlite

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"weft/server/store"
)

// docID identifies a document: it is the id of its first record.
type docID int64

// head is the end of a document's chain of records, where the next one is appended.
type head struct {
	doc  docID
	last store.LogID // id of the last record
}

// entry lists the records of one document that no snapshot holds. It is never
// empty: a document without such records has no entry.
type entry struct {
	doc   docID
	ids   []store.LogID // ascending
	bytes int           // of all their data
}

// index maps rooms to their records in the log. The writing goroutine changes it after
// each commit, before any caller learns of that commit. Reading is safe for concurrent
// use.
type index struct {
	mu   sync.RWMutex
	docs map[store.RoomID]*entry
	next store.LogID // above the id of every record that was ever in the index
	// damaged holds the rooms found damaged when the index was read; they must be
	// neither read nor written.
	damaged map[store.RoomID]error
	found   []error // all damage, also that which no room is known for
}

// view is what the index held of one room at one moment.
type view struct {
	ids  []store.LogID // ascending; never changed
	next store.LogID   // records from this id on were stored later
	err  error         // not nil: the room is damaged
}

func (ix *index) view(room store.RoomID) view {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	c := view{next: ix.next, err: ix.damaged[room]}
	if e := ix.docs[room]; e != nil {
		c.ids = e.ids[:len(e.ids):len(e.ids)] // appending never changes these
	}
	return c
}

// head returns the head of a room that has records in the log; ok is false if it has
// none. err: the room is damaged.
func (ix *index) head(room store.RoomID) (h head, ok bool, err error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.damaged[room]; err != nil {
		return head{}, false, err
	}
	e := ix.docs[room]
	if e == nil {
		return head{}, false, nil
	}
	return head{e.doc, e.ids[len(e.ids)-1]}, true, nil
}

// damage returns all damage that was found when the index was last read.
func (ix *index) damage() error {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return errors.Join(ix.found...)
}

// logLength is how long the log of a room is.
type logLength struct {
	room           store.RoomID
	doc            docID
	records, bytes int
}

// long lists the logs that have minRecords records or minBytes bytes of data or more,
// most bytes first, equal ones by room.
func (ix *index) long(minRecords, minBytes int) []logLength {
	var found []logLength
	ix.mu.RLock()
	for room, e := range ix.docs {
		if len(e.ids) >= minRecords || e.bytes >= minBytes {
			found = append(found, logLength{room, e.doc, len(e.ids), e.bytes})
		}
	}
	ix.mu.RUnlock()
	slices.SortFunc(found, func(a, b logLength) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.room, b.room))
	})
	return found
}

// apply makes the changes of one commit visible, all at once. next is the first id that
// the commit has not used.
func (ix *index) apply(next store.LogID, changes []func()) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, change := range changes {
		change()
	}
	ix.next = next
}

// add is a change: the room has one more record, with that many bytes of data. mu is
// held.
func (ix *index) add(room store.RoomID, doc docID, id store.LogID, bytes int) {
	e := ix.docs[room]
	if e == nil {
		e = &entry{doc: doc}
		ix.docs[room] = e
	}
	e.ids = append(e.ids, id)
	e.bytes += bytes
}

// drop is a change: a snapshot holds the room's records up to through, which had that
// many bytes of data. mu is held.
func (ix *index) drop(room store.RoomID, through store.LogID, bytes int) {
	e := ix.docs[room]
	if e == nil {
		return
	}
	i, found := slices.BinarySearch(e.ids, through)
	if found {
		i++
	}
	if i == len(e.ids) {
		delete(ix.docs, room)
		return
	}
	e.ids = slices.Clone(e.ids[i:]) // frees the old array, and leaves it as it is for views
	e.bytes -= bytes
}
