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
	doc docID
	ids []store.LogID // ascending
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
		c.ids = slices.Clone(e.ids)
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

// long lists rooms with at least min unfolded records, longest first.
func (ix *index) long(min int) []store.RoomID {
	type length struct {
		room store.RoomID
		n    int
	}
	var found []length
	ix.mu.RLock()
	for room, e := range ix.docs {
		if len(e.ids) >= min {
			found = append(found, length{room, len(e.ids)})
		}
	}
	ix.mu.RUnlock()
	slices.SortFunc(found, func(a, b length) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.room, b.room))
	})
	rooms := make([]store.RoomID, len(found))
	for i, f := range found {
		rooms[i] = f.room
	}
	return rooms
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

// add is a change: the room has one more record.
func (ix *index) add(room store.RoomID, doc docID, id store.LogID) {
	e := ix.docs[room]
	if e == nil {
		e = &entry{doc: doc}
		ix.docs[room] = e
	}
	e.ids = append(e.ids, id)
}

// drop is a change: a snapshot holds the room's records up to through.
func (ix *index) drop(room store.RoomID, through store.LogID) {
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
}
