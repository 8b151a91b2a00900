package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"weft/server/store"
)

// idsPerQuery bounds the ids in one statement.
const idsPerQuery = 512

// querier is a query within a transaction, on either kind of connection.
type querier func(query string, args ...any) (*sql.Rows, error)

func queryIn(ctx context.Context, tx *sql.Tx) querier {
	return func(query string, args ...any) (*sql.Rows, error) { return tx.QueryContext(ctx, query, args...) }
}

// What every load of a document asks for.
const (
	selectDoc      = "SELECT id FROM docs WHERE room = ?"
	selectSnapshot = "SELECT through, since, crc, data FROM snap WHERE doc = ? ORDER BY through DESC LIMIT 1"
	selectRecords  = "SELECT id, crc, data FROM log WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)

// prepare has the first reader parse them, and the schema, before anybody waits; the
// others do when they are first asked.
func (s *Store) prepare(ctx context.Context) error {
	s.stmts = map[string]*sql.Stmt{}
	for _, query := range []string{selectDoc, selectSnapshot, selectRecords} {
		stmt, err := s.readers.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		s.stmts[query] = stmt
	}
	return nil
}

// preparedIn is queryIn with what prepare has prepared. It prepares nothing itself: that
// takes a connection, and tx may have the last.
func (s *Store) preparedIn(ctx context.Context, tx *sql.Tx) querier {
	return func(query string, args ...any) (*sql.Rows, error) {
		if stmt, ok := s.stmts[query]; ok {
			return tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
		}
		return tx.QueryContext(ctx, query, args...)
	}
}

// each scans every row of a query.
func (q querier) each(scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// snapshot is one row of snap.
type snapshot struct {
	through store.LogID // 0: there is no such row
	since   store.LogID
	data    []byte
	sound   bool // the checksum fits
}

// newestSnapshot returns the document's newest one, sound or not.
func newestSnapshot(q querier, doc docID) (snapshot, error) {
	return readSnapshot(q, doc, selectSnapshot, doc)
}

func readSnapshot(q querier, doc docID, query string, args ...any) (s snapshot, err error) {
	err = q.each(func(rows *sql.Rows) error {
		var crc uint32
		if err := rows.Scan(&s.through, &s.since, &crc, &s.data); err != nil {
			return fmt.Errorf("%w: snapshot: %w", store.ErrCorrupt, err)
		}
		s.sound = checksum(ofSnapshot, doc, s.since, s.through, s.data) == crc
		return nil
	}, query, args...)
	return s, err
}

// readTail returns the document's tail as it is, nil if there is none.
func readTail(q querier, doc docID) (tail []byte, err error) {
	err = q.each(func(rows *sql.Rows) error { return rows.Scan(&tail) }, "SELECT data FROM tail WHERE doc = ?", doc)
	return tail, err
}

// folded is the document as of its newest snapshot: that one, or the one before
// it and the tail. It is empty, with Through 0, if there is no snapshot.
func folded(q querier, doc docID) (store.Doc, error) {
	s, err := newestSnapshot(q, doc)
	if err != nil || s.through == 0 {
		return store.Doc{}, err
	}
	if s.sound {
		return store.Doc{Snapshot: s.data, Through: s.through}, nil
	}
	bad := fmt.Errorf("%w: snapshot through record %d", store.ErrCorrupt, s.through)
	var base snapshot
	if s.since != 0 {
		base, err = readSnapshot(q, doc, "SELECT through, since, crc, data FROM snap WHERE doc = ? AND through = ?", doc, s.since)
		if err != nil {
			return store.Doc{}, err
		}
		if !base.sound {
			return store.Doc{}, fmt.Errorf("%w; none before it is left", bad)
		}
	}
	tail, err := readTail(q, doc)
	if err != nil {
		return store.Doc{}, err
	}
	recs, err := splitTail(tail)
	if err != nil {
		return store.Doc{}, fmt.Errorf("%w; %w", bad, err)
	}
	if len(recs) == 0 || recs[len(recs)-1].id != s.through {
		return store.Doc{}, fmt.Errorf("%w; the records it replaced are gone", bad)
	}
	log, err := chain(doc, s.since, recs)
	if err != nil {
		return store.Doc{}, fmt.Errorf("%w; %w", bad, err)
	}
	return store.Doc{Snapshot: base.data, Log: log, Through: s.through}, nil
}

// records reads rows of the log, in the order of ids. A missing one is
// ErrCorrupt.
func records(q querier, ids []store.LogID) ([]record, error) {
	recs := make([]record, 0, len(ids))
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		if err := q.each(func(rows *sql.Rows) error {
			var r record
			if err := rows.Scan(&r.id, &r.crc, &r.data); err != nil {
				return fmt.Errorf("%w: log: %w", store.ErrCorrupt, err)
			}
			recs = append(recs, r)
			return nil
		}, selectRecords, idList(chunk)); err != nil {
			return nil, err
		}
	}
	for i, id := range ids {
		if i >= len(recs) || recs[i].id != id {
			return nil, fmt.Errorf("%w: log record %d is gone", store.ErrCorrupt, id)
		}
	}
	return recs, nil
}

// idList is for json_each: one statement text for any number of ids.
func idList(ids []store.LogID) string {
	b, err := json.Marshal(ids)
	if err != nil {
		panic(err) // they are integers
	}
	return string(b)
}
