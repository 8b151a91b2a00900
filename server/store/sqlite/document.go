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

// rowsPerInsert is where more rows in one INSERT stop paying.
const rowsPerInsert = 25

// LoadPart implements store.Store.
func (s *Store) LoadPart(ctx context.Context, room store.RoomID, after store.LogID, most int) (part store.Doc, more bool, err error) {
	// The index first, the file after it: what the file has more by then is
	// either behind the cut or a fold of records in it. The other way round, a
	// fold could take ids out of the index whose rows and no snapshot are in
	// the older view of the file.
	cut := s.index.cut(room)
	if cut.err != nil {
		return store.Doc{}, false, fail("load document", cut.err)
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		part, more, err = load(s.preparedIn(ctx, tx), room, cut, after, most)
		return err
	})
	if err != nil {
		return store.Doc{}, false, fail("load document", err)
	}
	return part, more, nil
}

func load(q querier, room store.RoomID, cut cut, after store.LogID, most int) (part store.Doc, more bool, err error) {
	var doc docID
	err = q.each(func(rows *sql.Rows) error { return rows.Scan(&doc) }, selectDoc, room)
	switch {
	case err != nil:
		return store.Doc{}, false, err
	case doc == 0 && len(cut.ids) == 0 && after == 0:
		return store.Doc{}, false, nil
	case doc == 0:
		return store.Doc{}, false, fmt.Errorf("%w: the document's row is gone", store.ErrCorrupt)
	}
	if part, err = folded(q, doc, after); err != nil {
		return store.Doc{}, false, err
	}
	first, _ := slices.BinarySearch(cut.ids, part.Through+1)
	cut.ids = cut.ids[first:]
	if part.Through == 0 && len(cut.ids) == 0 {
		if store.LogID(doc) >= cut.next {
			return store.Doc{}, false, nil // its first record came after the cut
		}
		return store.Doc{}, false, fmt.Errorf("%w: nothing of it is left", store.ErrCorrupt)
	}
	recs, err := records(q, cut.ids, max(most, len(part.Snapshot)))
	if err != nil {
		return store.Doc{}, false, err
	}
	log, err := chain(doc, part.Through, recs)
	if err != nil {
		return store.Doc{}, false, err
	}
	part.Log = append(part.Log, log...)
	if len(recs) > 0 {
		part.Through = recs[len(recs)-1].id
	}
	return part, len(recs) < len(cut.ids), nil
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

// insert adds at most rowsPerInsert records.
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

// insertLog inserts rowsPerInsert rows; cut short by whole rows, fewer.
var insertLog = "INSERT INTO log (id, doc, crc, data) VALUES " + strings.Repeat(logRow, rowsPerInsert)[1:]

// head is where the room's chain goes on, within this transaction. Its doc is
// 0 if nothing has ever been written.
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
		return head{}, fmt.Errorf("%w: nothing of it is left", store.ErrCorrupt)
	}
	return h, nil
}

// LongLogs implements store.Store. It reads the index, and of logs that are long
// how large the snapshot is.
func (s *Store) LongLogs(ctx context.Context, records, bytes int) ([]store.RoomID, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("long logs", err)
	}
	rooms := []store.RoomID{}
	for _, log := range s.index.long(records, bytes) {
		var snapshot int
		err := s.readers.QueryRowContext(ctx, "SELECT length(data) FROM snap WHERE doc = ? ORDER BY through DESC LIMIT 1", log.doc).Scan(&snapshot)
		if err := ctx.Err(); err != nil {
			return nil, fail("long logs", err)
		}
		// Of one that cannot be read, who folds the log is told.
		if err == nil && store.WrittenBytes(log.records, log.bytes) < snapshot {
			continue
		}
		rooms = append(rooms, log.room)
	}
	return rooms, nil
}
