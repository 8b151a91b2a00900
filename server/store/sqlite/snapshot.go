package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"weft/server/store"
)

// idsPerQuery bounds the ids in one statement.
const idsPerQuery = 512

// querier runs a query, on the writing or on a reading connection.
type querier func(query string, args ...any) (*sql.Rows, error)

// queryIn returns a querier within a transaction.
func queryIn(ctx context.Context, tx *sql.Tx) querier {
	return func(query string, args ...any) (*sql.Rows, error) { return tx.QueryContext(ctx, query, args...) }
}

// Queries of every load of a document.
const (
	selectDoc      = "SELECT id FROM docs WHERE room = ?"
	selectSnapshot = "SELECT through, since, crc, data FROM snap WHERE doc = ? ORDER BY through DESC LIMIT 1"
	selectRecords  = "SELECT id, crc, data FROM log WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)

// prepare prepares these queries on one reading connection, which reads the schema too,
// so that the first load is fast. Other connections prepare them when first used.
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

// preparedIn is queryIn that uses the statements of prepare. It prepares none itself:
// that takes another connection, and tx may hold the last one.
func (s *Store) preparedIn(ctx context.Context, tx *sql.Tx) querier {
	return func(query string, args ...any) (*sql.Rows, error) {
		if stmt, ok := s.stmts[query]; ok {
			return tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
		}
		return tx.QueryContext(ctx, query, args...)
	}
}

// each calls scan for every row of a query.
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
	through  store.LogID // 0: there is no snapshot
	since    store.LogID // the one that the snapshot before it is through; see the table snap
	size     int
	isIntact bool   // the checksum matches
	data     []byte // nil unless it was read with withData
}

// Whether to return a snapshot's data.
const (
	headerOnly = false
	withData   = true
)

// newestSnapshot returns the document's newest snapshot, whether intact or not.
func newestSnapshot(q querier, doc docID, data bool) (snapshot, error) {
	return readSnapshot(q, doc, data, selectSnapshot, doc)
}

func readSnapshot(q querier, doc docID, data bool, query string, args ...any) (s snapshot, err error) {
	err = q.each(func(rows *sql.Rows) error {
		var crc uint32
		var raw sql.RawBytes
		if err := rows.Scan(&s.through, &s.since, &crc, &raw); err != nil {
			return fmt.Errorf("%w: snapshot: %w", store.ErrCorrupt, err)
		}
		s.size = len(raw)
		s.isIntact = checksum(ofSnapshot, doc, s.since, s.through, raw) == crc
		if data {
			s.data = bytes.Clone(raw)
		}
		return nil
	}, query, args...)
	return s, err
}

// readTail returns the document's tail as it is, nil if there is none.
func readTail(q querier, doc docID) (tail []byte, err error) {
	err = q.each(func(rows *sql.Rows) error { return rows.Scan(&tail) }, "SELECT data FROM tail WHERE doc = ?", doc)
	return tail, err
}

// loadSnapshot returns the document as of its newest snapshot: that snapshot, or if it is
// damaged, the one before it and the tail. If no snapshot is newer than after, it returns
// an empty Doc whose Through is after.
func loadSnapshot(q querier, doc docID, after store.LogID) (store.Doc, error) {
	if after > 0 {
		later := false
		if err := q.each(func(rows *sql.Rows) error { return rows.Scan(&later) }, "SELECT count(*) > 0 FROM snap WHERE doc = ? AND through > ?", doc, after); err != nil || !later {
			return store.Doc{Through: after}, err
		}
	}
	s, err := newestSnapshot(q, doc, withData)
	if err != nil || s.through == 0 {
		return store.Doc{}, err
	}
	if s.isIntact {
		return store.Doc{Snapshot: s.data, Through: s.through}, nil
	}
	bad := fmt.Errorf("%w: snapshot through record %d", store.ErrCorrupt, s.through)
	var base snapshot
	if s.since != 0 {
		base, err = readSnapshot(q, doc, withData, "SELECT through, since, crc, data FROM snap WHERE doc = ? AND through = ?", doc, s.since)
		if err != nil {
			return store.Doc{}, err
		}
		if !base.isIntact {
			return store.Doc{}, fmt.Errorf("%w; and so is the one before it", bad)
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
		return store.Doc{}, fmt.Errorf("%w; and the tail does not hold the records it replaced", bad)
	}
	log, err := checkChain(doc, s.since, recs)
	if err != nil {
		return store.Doc{}, fmt.Errorf("%w; %w", bad, err)
	}
	return store.Doc{Snapshot: base.data, Log: log, Through: s.through}, nil
}

// errStop makes eachRecord stop and return it.
var errStop = errors.New("no more records are wanted")

// eachRecord reads the records with these ids, which ascend, and calls take for each
// until it returns an error. A missing record is ErrCorrupt. The record's data is valid
// during the call only.
func eachRecord(q querier, ids []store.LogID, take func(record) error) error {
	gone := func(id store.LogID) error { return fmt.Errorf("%w: log record %d is missing", store.ErrCorrupt, id) }
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		n := 0
		if err := q.each(func(rows *sql.Rows) error {
			var r record
			if err := rows.Scan(&r.id, &r.crc, (*sql.RawBytes)(&r.data)); err != nil {
				return fmt.Errorf("%w: log: %w", store.ErrCorrupt, err)
			}
			if r.id != chunk[n] {
				return gone(chunk[n])
			}
			n++
			return take(r)
		}, selectRecords, idList(chunk)); err != nil {
			return err
		}
		if n < len(chunk) {
			return gone(chunk[n])
		}
	}
	return nil
}

// records reads the first records, at least one, that take no more than maxBytes in a
// tail.
func records(q querier, ids []store.LogID, maxBytes int) (recs []record, err error) {
	taken := 0
	err = eachRecord(q, ids, func(r record) error {
		if taken += tailHeader + len(r.data); taken > maxBytes && len(recs) > 0 {
			return errStop
		}
		r.data = bytes.Clone(r.data)
		recs = append(recs, r)
		return nil
	})
	if err != nil && err != errStop {
		return nil, err
	}
	return recs, nil
}

// idList formats ids for json_each, so that one prepared statement serves any number.
func idList(ids []store.LogID) string {
	b, err := json.Marshal(ids)
	if err != nil {
		panic(err) // they are integers
	}
	return string(b)
}
