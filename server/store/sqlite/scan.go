package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"weft/server/store"
)

// The index is read from the file when it is opened. Damage found then makes the rooms it
// is in unusable, and no others.

// scan reads the index. Its fields are the result so far.
type scan struct {
	ctx     context.Context
	conn    *sql.Conn
	next    store.LogID
	byDoc   map[docID]*entry
	found   []error
	heads   map[docID]store.LogID  // as stored; see head.go
	through map[docID]store.LogID  // of the newest snapshots
	names   map[store.RoomID]error // of damaged documents
}

// load reads the index from the file and returns the first id that was never used. It
// fails if nothing of the log can be read; other damage ends up in ix.damaged and
// ix.found.
func (ix *index) load(ctx context.Context, conn *sql.Conn) (next store.LogID, err error) {
	s := &scan{ctx: ctx, conn: conn, next: 1, byDoc: map[docID]*entry{}, heads: map[docID]store.LogID{}, through: map[docID]store.LogID{}, names: map[store.RoomID]error{}}
	if err := s.readLog(); err != nil {
		return 0, err
	}
	if err := s.readHighestIDs(); err != nil {
		return 0, err
	}
	rooms, err := s.readRooms()
	if err != nil {
		return 0, err
	}
	if err := s.readSnapshots(); err != nil {
		return 0, err
	}
	if err := s.reassignRecords(rooms); err != nil {
		return 0, err
	}
	s.checkHeads(rooms)
	docs := make(map[store.RoomID]*entry, len(s.byDoc))
	for doc, e := range s.byDoc {
		if room, ok := rooms[doc]; ok {
			docs[room] = e
		}
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.docs, ix.next, ix.damaged, ix.found = docs, s.next, s.names, s.found
	return s.next, nil
}

// queryBothWays runs a query in ascending order. If a damaged page ends that, it runs the
// query in descending order too, to read the rows behind the damage. take is called for
// each row, and returns false to stop; down says that the order is descending.
func (s *scan) queryBothWays(query, order string, take func(rows *sql.Rows, down bool) (bool, error)) error {
	rows := 0
	run := func(down bool) error {
		direction := ""
		if down {
			direction = " DESC"
		}
		r, err := s.conn.QueryContext(s.ctx, query+" ORDER BY "+strings.ReplaceAll(order, ",", direction+",")+direction)
		if err != nil {
			return err
		}
		defer r.Close()
		for r.Next() {
			more, err := take(r, down)
			if err != nil || !more {
				return err
			}
			rows++
		}
		return r.Err()
	}
	up := run(false)
	if up == nil || !isDamage(up) {
		return up
	}
	down := run(true)
	if rows == 0 || down != nil && !isDamage(down) {
		return errors.Join(fail("read", up), down)
	}
	s.found = append(s.found, fmt.Errorf("%w: a page of the file, found by %s: %w", store.ErrCorrupt, query, up))
	return nil
}

// isDamage reports whether an error says that the file is damaged.
func isDamage(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || errors.Is(err, store.ErrCorrupt)
}

// readLog reads the document and the length of each record. SQLite does not read the data
// for that.
func (s *scan) readLog() error {
	last, hasGap := store.LogID(0), false
	err := s.queryBothWays("SELECT id, doc, coalesce(length(data), 0) FROM log", "id", func(rows *sql.Rows, down bool) (bool, error) {
		var id store.LogID
		var doc docID
		var bytes int
		if err := rows.Scan(&id, &doc, &bytes); err != nil {
			return false, fmt.Errorf("%w: log: %w", store.ErrCorrupt, err)
		}
		if hasGap = hasGap || down; !down {
			last = id
		} else if id <= last {
			return false, nil
		}
		e := s.byDoc[doc]
		if e == nil {
			e = &entry{doc: doc}
			s.byDoc[doc] = e
		}
		e.ids = append(e.ids, id)
		e.bytes += bytes
		s.next = max(s.next, id+1)
		return true, nil
	})
	if hasGap {
		for _, e := range s.byDoc {
			slices.Sort(e.ids)
		}
	}
	return err
}

// readHighestIDs looks for ids that were used and are not in the log any more.
func (s *scan) readHighestIDs() error {
	for _, query := range []string{
		"SELECT coalesce(max(through), 0) + 1 FROM snap",
		"SELECT coalesce(max(id), 0) + 1 FROM docs",
	} {
		var above store.LogID
		switch err := s.conn.QueryRowContext(s.ctx, query).Scan(&above); {
		case err == nil:
			s.next = max(s.next, above)
		case isDamage(err):
			s.found = append(s.found, fmt.Errorf("%w: %s: %w", store.ErrCorrupt, query, err))
			// A new record with an id used before would look as if a snapshot held it.
			// Adding 2^40 skips more ids than can have been used since.
			s.next += 1 << 40
		default:
			return err
		}
	}
	return nil
}

// readRooms reads the names of all documents twice: from the table, and from its index,
// which LoadPart uses. If they differ, a load would not find the stored records and the room
// would look as if it had never been written to; so the room is marked as damaged.
func (s *scan) readRooms() (map[docID]store.RoomID, error) {
	read := func(query, order string) (map[docID]store.RoomID, error) {
		names := map[docID]store.RoomID{}
		err := s.queryBothWays(query, order, func(rows *sql.Rows, _ bool) (bool, error) {
			var doc docID
			var room store.RoomID
			var head store.LogID
			if err := rows.Scan(&doc, &room, &head); err != nil {
				return false, fmt.Errorf("%w: docs: %w", store.ErrCorrupt, err)
			}
			names[doc] = room
			s.heads[doc] = max(s.heads[doc], head)
			return true, nil
		})
		return names, err
	}
	byNumber, err := read("SELECT id, room, head FROM docs NOT INDEXED", "id")
	if err != nil {
		return nil, err
	}
	byName, err := read("SELECT id, room, 0 FROM docs INDEXED BY sqlite_autoindex_docs_1", "room")
	if err != nil {
		return nil, err
	}
	bad := func(doc docID, names ...store.RoomID) {
		err := fmt.Errorf("%w: document %d cannot be found by its name %q", store.ErrCorrupt, doc, names)
		s.found = append(s.found, err)
		for _, name := range names {
			s.names[name] = err
		}
	}
	for doc, name := range byNumber {
		switch other, ok := byName[doc]; {
		case !ok:
			bad(doc, name)
		case other != name:
			bad(doc, name, other)
		}
	}
	for doc, name := range byName {
		if _, ok := byNumber[doc]; !ok {
			bad(doc, name)
			byNumber[doc] = name
		}
	}
	return byNumber, nil
}

// readSnapshots reads up to which record each document has a snapshot.
func (s *scan) readSnapshots() error {
	return s.queryBothWays("SELECT doc, through FROM snap", "doc, through", func(rows *sql.Rows, _ bool) (bool, error) {
		var doc docID
		var through store.LogID
		if err := rows.Scan(&doc, &through); err != nil {
			return false, fmt.Errorf("%w: snap: %w", store.ErrCorrupt, err)
		}
		s.through[doc] = max(s.through[doc], through)
		return true, nil
	})
}

// checkHeads looks for documents whose last records are missing.
func (s *scan) checkHeads(rooms map[docID]store.RoomID) {
	for doc, room := range rooms {
		last := s.through[doc]
		if e := s.byDoc[doc]; e != nil {
			last = max(last, e.ids[len(e.ids)-1])
		}
		if head := s.heads[doc]; head > last && s.names[room] == nil {
			err := fmt.Errorf("%w: room %q: the records after %d are missing, up to %d were stored", store.ErrCorrupt, room, last, head)
			s.found = append(s.found, err)
			s.names[room] = err
		}
	}
}

// reassignRecords gives records that name no existing document back to their own. The
// checksum of a record covers its document and the record before it, so it matches one
// document only. A record that matches none stays where it is: the chain of the document
// that lacks it is broken, which shows unless it was the last record.
func (s *scan) reassignRecords(rooms map[docID]store.RoomID) error {
	var lost []store.LogID
	for doc, e := range s.byDoc {
		if _, ok := rooms[doc]; !ok {
			lost = append(lost, e.ids...)
			delete(s.byDoc, doc)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	slices.Sort(lost)
	ordered := slices.SortedFunc(maps.Keys(rooms), cmp.Compare[docID])
	for _, id := range lost {
		r := record{id: id}
		if err := s.conn.QueryRowContext(s.ctx, "SELECT crc, data FROM log WHERE id = ?", id).Scan(&r.crc, &r.data); err != nil && !isDamage(err) {
			return err
		}
		err := fmt.Errorf("%w: log record %d belongs to no document", store.ErrCorrupt, id)
		for _, doc := range ordered {
			before, at := s.through[doc], 0
			e := s.byDoc[doc]
			if e != nil {
				if at, _ = slices.BinarySearch(e.ids, id); at > 0 {
					before = e.ids[at-1]
				}
			}
			if before >= id || checksum(ofRecord, doc, before, id, r.data) != r.crc {
				continue
			}
			if e == nil {
				e = &entry{doc: doc}
				s.byDoc[doc] = e
			}
			e.ids = slices.Insert(e.ids, at, id)
			e.bytes += len(r.data)
			err = fmt.Errorf("%w: log record %d named another document than its own, %d; repaired in memory", store.ErrCorrupt, id, doc)
			break
		}
		s.found = append(s.found, err)
	}
	return nil
}
