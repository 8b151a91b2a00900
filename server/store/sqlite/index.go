package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
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
}

// cut is what the index knew of one room at one moment.
type cut struct {
	ids  []store.LogID
	next store.LogID // records from here on came later
}

func (ix *index) cut(room store.RoomID) cut {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	c := cut{next: ix.next}
	if e := ix.docs[room]; e != nil {
		c.ids = slices.Clone(e.ids)
	}
	return c
}

func (ix *index) head(room store.RoomID) (h head, ok bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	e := ix.docs[room]
	if e == nil {
		return head{}, false
	}
	return head{e.doc, e.ids[len(e.ids)-1]}, true
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

// load reads the index from the file and returns the first id never used.
//
// A row that names no document stops it: some document has lost that row, and
// nothing here can tell which.
func (ix *index) load(ctx context.Context, conn *sql.Conn) (next store.LogID, err error) {
	next = 1
	byDoc := map[docID]*entry{}
	rows, err := conn.QueryContext(ctx, "SELECT id, doc FROM log ORDER BY id")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id store.LogID
		var doc docID
		if err := rows.Scan(&id, &doc); err != nil {
			return 0, fmt.Errorf("%w: log: %w", store.ErrCorrupt, err)
		}
		e := byDoc[doc]
		if e == nil {
			e = &entry{doc: doc}
			byDoc[doc] = e
		}
		e.ids = append(e.ids, id)
		next = id + 1
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, query := range []string{
		"SELECT coalesce(max(through), 0) + 1 FROM snap",
		"SELECT coalesce(max(id), 0) + 1 FROM docs",
	} {
		var above store.LogID
		if err := conn.QueryRowContext(ctx, query).Scan(&above); err != nil {
			return 0, err
		}
		next = max(next, above)
	}
	docs := make(map[store.RoomID]*entry, len(byDoc))
	name, err := conn.PrepareContext(ctx, "SELECT room FROM docs WHERE id = ?")
	if err != nil {
		return 0, err
	}
	defer name.Close()
	number, err := conn.PrepareContext(ctx, "SELECT id FROM docs WHERE room = ?")
	if err != nil {
		return 0, err
	}
	defer number.Close()
	for doc, e := range byDoc {
		var room store.RoomID
		switch err := name.QueryRowContext(ctx, doc).Scan(&room); {
		case err == sql.ErrNoRows:
			return 0, fmt.Errorf("%w: log record %d belongs to no document", store.ErrCorrupt, e.ids[0])
		case err != nil:
			return 0, err
		}
		// The name leads back by the other way to find a document, or else a
		// load under its true name would miss these records.
		var back docID
		if err := number.QueryRowContext(ctx, room).Scan(&back); err != nil && err != sql.ErrNoRows {
			return 0, err
		}
		if back != doc {
			return 0, fmt.Errorf("%w: document %d has the name of another", store.ErrCorrupt, doc)
		}
		docs[room] = e
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.docs, ix.next = docs, next
	return next, nil
}
