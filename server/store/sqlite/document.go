package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weft/server/store"
)

// rowsPerInsert is how many records one INSERT writes; more did not make it faster.
const rowsPerInsert = 25

// LoadPart implements store.Store.
func (s *Store) LoadPart(ctx context.Context, room store.RoomID, after store.LogID, maxBytes int) (part store.Doc, more bool, err error) {
	// The index must be read before the file. What the file has then and the index had
	// not is either a later record or a compaction of records that the index had. In
	// the other order, a compaction between the two could remove ids from the index,
	// and the older state of the file would have no snapshot that holds them.
	v := s.index.view(room)
	if v.err != nil {
		return store.Doc{}, false, fail("load document", v.err)
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		part, more, err = load(s.preparedIn(ctx, tx), room, v, after, maxBytes)
		return err
	})
	if err != nil {
		return store.Doc{}, false, fail("load document", err)
	}
	return part, more, nil
}

// load reads a part of a document, of which the index held v.
func load(q querier, room store.RoomID, v view, after store.LogID, maxBytes int) (part store.Doc, more bool, err error) {
	var doc docID
	err = q.each(func(rows *sql.Rows) error { return rows.Scan(&doc) }, selectDoc, room)
	switch {
	case err != nil:
		return store.Doc{}, false, err
	case doc == 0 && len(v.ids) == 0 && after == 0:
		return store.Doc{}, false, nil
	case doc == 0:
		return store.Doc{}, false, fmt.Errorf("%w: the document's row is gone", store.ErrCorrupt)
	}
	if part, err = loadSnapshot(q, doc, after); err != nil {
		return store.Doc{}, false, err
	}
	first, _ := slices.BinarySearch(v.ids, part.Through+1)
	v.ids = v.ids[first:]
	if part.Through == 0 && len(v.ids) == 0 {
		if store.LogID(doc) >= v.next {
			return store.Doc{}, false, nil // its first record was stored after v was taken
		}
		return store.Doc{}, false, fmt.Errorf("%w: neither a snapshot nor records are left", store.ErrCorrupt)
	}
	recs, err := records(q, v.ids, max(maxBytes, len(part.Snapshot)))
	if err != nil {
		return store.Doc{}, false, err
	}
	log, err := checkChain(doc, part.Through, recs)
	if err != nil {
		return store.Doc{}, false, err
	}
	part.Log = append(part.Log, log...)
	if len(recs) > 0 {
		part.Through = recs[len(recs)-1].id
	}
	return part, len(recs) < len(v.ids), nil
}

// AppendUpdates implements store.Store.
func (s *Store) AppendUpdates(ctx context.Context, updates []store.Update) error {
	if len(updates) == 0 {
		return nil
	}
	for _, u := range updates {
		if u.Room == "" || len(u.Data) == 0 {
			return fail("append", errors.New("an update without room or data"))
		}
	}
	return fail("append", s.write(ctx, func(t *tx) error {
		for len(updates) > rowsPerInsert {
			if err := t.insert(updates[:rowsPerInsert]); err != nil {
				return err
			}
			updates = updates[rowsPerInsert:]
		}
		return t.insert(updates)
	}))
}

// insert appends at most rowsPerInsert records to the log.
func (t *tx) insert(updates []store.Update) error {
	args := t.args[:0]
	defer func() { clear(args) }()
	for _, u := range updates {
		h, err := t.head(u.Room)
		if err != nil {
			return err
		}
		id := t.next
		t.next++
		if h.doc == 0 {
			h.doc = docID(id)
			if _, err := t.exec("INSERT INTO docs (id, room) VALUES (?, ?)", h.doc, u.Room); err != nil {
				return err
			}
		}
		args = append(args, id, h.doc, checksum(ofRecord, h.doc, h.last, id, u.Data), u.Data)
		h.last = id
		t.staged[u.Room] = h
		t.after = append(t.after, func() { t.index.add(u.Room, h.doc, id, len(u.Data)) })
	}
	_, err := t.exec(insertLog[:len(insertLog)-(rowsPerInsert-len(updates))*len(logRow)], args...)
	return err
}

const logRow = ",(?,?,?,?)"

// insertLog inserts rowsPerInsert rows. Cut off by whole logRows, it inserts fewer.
var insertLog = "INSERT INTO log (id, doc, crc, data) VALUES " + strings.Repeat(logRow, rowsPerInsert)[1:]

// head returns the end of the room's chain as of this transaction. Its doc is 0 if the
// room was never written to.
func (t *tx) head(room store.RoomID) (head, error) {
	if h, ok := t.staged[room]; ok {
		return h, nil
	}
	if h, ok := t.heads[room]; ok {
		return h, nil
	}
	if h, ok, err := t.index.head(room); ok || err != nil {
		return h, err
	}
	var h head
	found, err := t.row(selectDoc, []any{room}, &h.doc)
	if err != nil || !found {
		return head{}, err
	}
	if _, err := t.row("SELECT coalesce(max(through), 0) FROM snap WHERE doc = ?", []any{h.doc}, &h.last); err != nil {
		return head{}, err
	}
	if h.last == 0 {
		return head{}, fmt.Errorf("%w: neither a snapshot nor records are left", store.ErrCorrupt)
	}
	return h, nil
}

// LongLogs implements store.Store. It reads the index, and for long logs the size of the
// snapshot.
func (s *Store) LongLogs(ctx context.Context, minRecords, minBytes int) ([]store.RoomID, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("long logs", err)
	}
	rooms := []store.RoomID{}
	for _, log := range s.index.long(minRecords, minBytes) {
		var snapshot int
		err := s.readers.QueryRowContext(ctx, "SELECT length(data) FROM snap WHERE doc = ? ORDER BY through DESC LIMIT 1", log.doc).Scan(&snapshot)
		if err := ctx.Err(); err != nil {
			return nil, fail("long logs", err)
		}
		// A log whose snapshot cannot be read is listed: compaction reports the damage.
		if err == nil && store.WrittenBytes(log.records, log.bytes) < snapshot {
			continue
		}
		rooms = append(rooms, log.room)
	}
	return rooms, nil
}
