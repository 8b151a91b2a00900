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

// The index is read from the file when it is opened. Damage found then closes
// the rooms it is in and no others.

// scan is what was read for the index.
type scan struct {
	ctx     context.Context
	conn    *sql.Conn
	next    store.LogID
	byDoc   map[docID]*entry
	found   []error
	heads   map[docID]store.LogID  // see seal.go
	through map[docID]store.LogID  // of the newest snapshots
	names   map[store.RoomID]error // of damaged documents
}

// load reads the index from the file and returns the first id never used. It
// fails if nothing of the log can be read.
func (ix *index) load(ctx context.Context, conn *sql.Conn) (next store.LogID, err error) {
	s := &scan{ctx: ctx, conn: conn, next: 1, byDoc: map[docID]*entry{}, heads: map[docID]store.LogID{}, through: map[docID]store.LogID{}, names: map[store.RoomID]error{}}
	if err := s.log(); err != nil {
		return 0, err
	}
	if err := s.highest(); err != nil {
		return 0, err
	}
	rooms, err := s.rooms()
	if err != nil {
		return 0, err
	}
	if err := s.snapshots(); err != nil {
		return 0, err
	}
	if err := s.adopt(rooms); err != nil {
		return 0, err
	}
	s.ends(rooms)
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

// both runs a query in ascending order and, if a damaged page ends that, in
// descending order up to the damage. take returns false to stop.
func (s *scan) both(query, order string, take func(rows *sql.Rows, down bool) (bool, error)) error {
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

func isDamage(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || errors.Is(err, store.ErrCorrupt)
}

// log reads which document each record names, and how long it is, for which
// SQLite does not read the data itself.
func (s *scan) log() error {
	last, holed := store.LogID(0), false
	err := s.both("SELECT id, doc, coalesce(length(data), 0) FROM log", "id", func(rows *sql.Rows, down bool) (bool, error) {
		var id store.LogID
		var doc docID
		var bytes int
		if err := rows.Scan(&id, &doc, &bytes); err != nil {
			return false, fmt.Errorf("%w: log: %w", store.ErrCorrupt, err)
		}
		if holed = holed || down; !down {
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
	if holed {
		for _, e := range s.byDoc {
			slices.Sort(e.ids)
		}
	}
	return err
}

// highest looks for ids used outside the log.
func (s *scan) highest() error {
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
			// An id that is used again makes a new record look folded: keep far away.
			s.next += 1 << 40
		default:
			return err
		}
	}
	return nil
}

// rooms reads the names of all documents, by both ways that lead to them: by
// number, and by name as LoadPart does. Where they differ a load would miss what
// is stored, and the room looks as if nobody had ever written to it.
func (s *scan) rooms() (map[docID]store.RoomID, error) {
	read := func(query, order string) (map[docID]store.RoomID, error) {
		names := map[docID]store.RoomID{}
		err := s.both(query, order, func(rows *sql.Rows, _ bool) (bool, error) {
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
		err := fmt.Errorf("%w: document %d is not found by its name %q", store.ErrCorrupt, doc, names)
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

// snapshots reads which records are folded.
func (s *scan) snapshots() error {
	return s.both("SELECT doc, through FROM snap", "doc, through", func(rows *sql.Rows, _ bool) (bool, error) {
		var doc docID
		var through store.LogID
		if err := rows.Scan(&doc, &through); err != nil {
			return false, fmt.Errorf("%w: snap: %w", store.ErrCorrupt, err)
		}
		s.through[doc] = max(s.through[doc], through)
		return true, nil
	})
}

// ends looks for documents that have lost their last records.
func (s *scan) ends(rooms map[docID]store.RoomID) {
	for doc, room := range rooms {
		last := s.through[doc]
		if e := s.byDoc[doc]; e != nil {
			last = max(last, e.ids[len(e.ids)-1])
		}
		if head := s.heads[doc]; head > last && s.names[room] == nil {
			err := fmt.Errorf("%w: of %q nothing is left after record %d, there was record %d", store.ErrCorrupt, room, last, head)
			s.found = append(s.found, err)
			s.names[room] = err
		}
	}
}

// adopt finds the documents of records that name none. The checksum of a record
// covers its document and the record before it, so it fits one document only,
// and with it nothing is lost. A record that fits none stays where it is: some
// room lacks it, and its chain says so unless it was the last one.
func (s *scan) adopt(rooms map[docID]store.RoomID) error {
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
			err = fmt.Errorf("%w: log record %d names another document than its own, %d, which has it back", store.ErrCorrupt, id, doc)
			break
		}
		s.found = append(s.found, err)
	}
	return nil
}
