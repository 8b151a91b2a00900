package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"weft/server/store"
)

// maxBatch bounds how many callers share a commit.
const maxBatch = 256

// write is one caller's part of a commit. run may be called a second time, after
// everything it did the first time has been rolled back.
type write struct {
	run  func(*tx) error
	done chan error // buffered: gets the answer once, after the commit
}

// write runs a function in a transaction and returns when that is durable. If ctx ends
// before the writing goroutine has taken the function, nothing has happened; from then on
// ctx is ignored. The function shares its transaction with other callers', but in a
// savepoint of its own: its error undoes it alone.
func (s *Store) write(ctx context.Context, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{run: run, done: make(chan error, 1)}
	select {
	case s.queue <- w:
		select {
		case err := <-w.done:
			return err
		case <-s.abandoned:
			return ErrCommitHung
		}
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return ErrClosed
	}
}

// writer owns the writing connection. It belongs to the writing goroutine.
type writer struct {
	conn     *sql.Conn
	stmts    map[string]*sql.Stmt // by their text, of which there are a fixed number
	index    *index
	onCommit func(took time.Duration) // see Options; may be nil
	next     store.LogID              // the next record's id; ahead of index.next during a commit
	stale    bool                     // a commit failed: the index must be read again before the next one

	unsavedHeads unsavedHeads
	args         []any // reused by insert
}

// tx is the current transaction, shared by the writes of one batch.
type tx struct {
	*writer
	heads  map[store.RoomID]head // as the earlier writes of the batch left them
	staged map[store.RoomID]head // as the current write leaves them
	after  []func()              // changes of the index, to be made after the commit
}

// loop commits writes until stop is closed.
func (w *writer) loop(queue <-chan *write, stop <-chan struct{}) {
	defer w.close()
	for {
		select {
		case <-stop:
			w.saveAllHeads()
			return
		case first := <-queue:
			w.commit(gather(first, queue))
		}
	}
}

// gather adds the writes that wait already, maxBatch in all at most. It does not wait.
func gather(first *write, queue <-chan *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case w := <-queue:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// commit commits a batch and answers each of its writes. If the disk is full it commits
// each write alone: small ones may fit where all of them did not.
func (w *writer) commit(batch []*write) {
	answers, err := w.try(batch)
	if err != nil && len(batch) > 1 && resultCode(err) == sqlite3.SQLITE_FULL {
		for _, one := range batch {
			w.commit([]*write{one})
		}
		return
	}
	for i, one := range batch {
		if err != nil {
			one.done <- err
		} else {
			one.done <- answers[i]
		}
	}
}

// try runs a batch in one transaction. answers has the result of each write; a write
// that failed has been undone alone. err says that nothing at all was stored.
func (w *writer) try(batch []*write) (answers []error, err error) {
	if w.stale {
		if err := w.reload(); err != nil {
			return nil, err
		}
	}
	if err := w.execPlain("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// This fails if SQLite has rolled back by itself already.
			_ = w.execPlain("ROLLBACK")
		}
	}()
	t := &tx{writer: w, heads: map[store.RoomID]head{}}
	answers = make([]error, len(batch))
	for i, one := range batch {
		if answers[i], err = t.runInSavepoint(one); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	quiet := w.unsavedHeads.takeQuiet(now.Add(-headQuiet), headsPerCommit)
	if err = t.saveHeads(quiet); err == nil {
		err = w.commitTx()
	}
	if err != nil {
		for _, h := range quiet {
			w.unsavedHeads.add(h, now)
		}
		return nil, err
	}
	w.index.apply(w.next, t.after)
	for _, h := range t.heads {
		w.unsavedHeads.add(h, now)
	}
	return answers, nil
}

// commitTx commits the transaction. After an error nobody knows whether it is durable,
// so the index must be read again.
func (w *writer) commitTx() error {
	begun := time.Now()
	if err := w.execPlain("COMMIT"); err != nil {
		w.stale = true
		return err
	}
	if w.onCommit != nil {
		w.onCommit(time.Since(begun))
	}
	return nil
}

// runInSavepoint runs one write in a savepoint. answer is the write's own result; err
// says that the whole transaction is lost.
func (t *tx) runInSavepoint(one *write) (answer, err error) {
	if err := t.execPlain("SAVEPOINT step"); err != nil {
		return nil, err
	}
	t.staged = map[store.RoomID]head{}
	before := len(t.after)
	if answer = one.run(t); answer != nil {
		t.after = t.after[:before]
		if t.execPlain("ROLLBACK TO step") != nil {
			// SQLite ends the transaction itself when the disk is full or fails.
			return nil, answer
		}
	} else {
		for room, h := range t.staged {
			t.heads[room] = h
		}
	}
	return answer, t.execPlain("RELEASE step")
}

// reload reads the index from the file, as at start.
func (w *writer) reload() error {
	next, err := w.index.load(context.Background(), w.conn)
	if err != nil {
		return err
	}
	w.next = max(w.next, next)
	w.stale = false
	return nil
}

func (w *writer) close() {
	for _, stmt := range w.stmts {
		stmt.Close()
	}
	w.conn.Close()
}

// execPlain runs a statement without arguments.
func (w *writer) execPlain(query string) error {
	_, err := w.exec(query)
	return err
}

// exec runs a statement, which is prepared once and kept.
func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.Background(), args...)
}

// row scans the first row of a query into dest; found is false if there is none.
func (w *writer) row(query string, args []any, dest ...any) (found bool, err error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return false, err
	}
	switch err := stmt.QueryRowContext(context.Background(), args...).Scan(dest...); err {
	case nil:
		return true, nil
	case sql.ErrNoRows:
		return false, nil
	default:
		return false, err
	}
}

// query is a querier on the writing connection.
func (w *writer) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.Background(), args...)
}

// stmt returns the prepared statement of a query.
func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if stmt, ok := w.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	w.stmts[query] = stmt
	return stmt, nil
}
