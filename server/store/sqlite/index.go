package sqlite

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"weft/server/store"
)

// docID is the id of the document's first record.
type docID int64

// head is where a document's chain of records goes on.
type head struct {
	doc  docID
	last store.LogID
}

// entry lists the records of one document that no snapshot holds. It is never
// empty: a document without such records has no entry.
type entry struct {
	doc   docID
	ids   []store.LogID // ascending
	bytes int           // of their data
}

// index says which log rows belong to which document. The writing goroutine
// changes it after each commit and before anybody hears of that commit.
type index struct {
	mu   sync.RWMutex
	docs map[store.RoomID]*entry
	next store.LogID // above the id of every record in the index, ever
	// damaged says of rooms that were found so when the index was read why they
	// are not to be read or written.
	damaged map[store.RoomID]error
	found   []error // all of the damage, also what no room is known for
}

// cut is what the index knew of one room at one moment.
type cut struct {
	ids  []store.LogID
	next store.LogID // records from here on came later
	err  error       // the room is damaged
}

func (ix *index) cut(room store.RoomID) cut {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	c := cut{next: ix.next, err: ix.damaged[room]}
	if e := ix.docs[room]; e != nil {
		c.ids = e.ids[:len(e.ids):len(e.ids)] // which never change
	}
	return c
}

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

// damage is all that was found when the index was last read.
func (ix *index) damage() error {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return errors.Join(ix.found...)
}

// length is how much of a room is unfolded.
type length struct {
	room           store.RoomID
	doc            docID
	records, bytes int
}

// long lists rooms with at least so many unfolded records or bytes, most bytes
// first.
func (ix *index) long(records, bytes int) []length {
	var found []length
	ix.mu.RLock()
	for room, e := range ix.docs {
		if len(e.ids) >= records || e.bytes >= bytes {
			found = append(found, length{room, e.doc, len(e.ids), e.bytes})
		}
	}
	ix.mu.RUnlock()
	slices.SortFunc(found, func(a, b length) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.room, b.room))
	})
	return found
}

// apply makes the changes of one commit visible, all at once.
func (ix *index) apply(next store.LogID, changes []func()) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, change := range changes {
		change()
	}
	ix.next = next
}

// add is a change: the room has one more record, of so many bytes.
func (ix *index) add(room store.RoomID, doc docID, id store.LogID, bytes int) {
	e := ix.docs[room]
	if e == nil {
		e = &entry{doc: doc}
		ix.docs[room] = e
	}
	e.ids = append(e.ids, id)
	e.bytes += bytes
}

// drop is a change: a snapshot holds the room's records up to through, which
// took so many bytes.
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
	e.ids = slices.Clone(e.ids[i:]) // the long array is let go
	e.bytes -= bytes
}
