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

// write is one caller's part of a commit. run may be called a second time,
// after all it did the first time has been undone.
type write struct {
	run  func(*tx) error
	done chan error
}

// write has run done in a transaction and returns when that is durable. If ctx
// ends before its turn, nothing has happened; later, ctx does not matter.
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

// writer owns the writing connection. All of it belongs to one goroutine.
type writer struct {
	conn     *sql.Conn
	stmts    map[string]*sql.Stmt // by their text; texts are constants
	index    *index
	onCommit func(took time.Duration) // see Options; may be nil
	next     store.LogID              // never used yet; runs ahead of index.next inside a commit
	stale    bool                     // a commit failed: read the index anew before the next one

	unsealed unsealed
	args     []any // memory for insert
}

// tx is a transaction under way, shared by the writes of one batch.
type tx struct {
	*writer
	heads  map[store.RoomID]head // as the writes before this one left them
	staged map[store.RoomID]head // as this write leaves them
	after  []func()              // to tell the index once it is committed
}

func (w *writer) loop(queue <-chan *write, stop <-chan struct{}) {
	defer w.close()
	for {
		select {
		case <-stop:
			w.sealAll()
			return
		case first := <-queue:
			w.commit(gather(first, queue))
		}
	}
}

// gather takes what is waiting already; it waits for nobody.
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

// commit answers every write of the batch. When the disk is full, the small
// ones may still fit where all of them did not.
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

// try runs the batch in one transaction. An error of a write only undoes that
// write and is its answer; err says that nothing at all was stored.
func (w *writer) try(batch []*write) (answers []error, err error) {
	if w.stale {
		if err := w.reload(); err != nil {
			return nil, err
		}
	}
	if err := w.plain("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// It fails if SQLite has rolled back by itself already.
			_ = w.plain("ROLLBACK")
		}
	}()
	t := &tx{writer: w, heads: map[store.RoomID]head{}}
	answers = make([]error, len(batch))
	for i, one := range batch {
		if answers[i], err = t.step(one); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	sealed := w.unsealed.quiet(now.Add(-sealAfter), sealMost)
	if err = t.seal(sealed); err == nil {
		err = w.end()
	}
	if err != nil {
		for _, h := range sealed {
			w.unsealed.add(h, now)
		}
		return nil, err
	}
	w.index.apply(w.next, t.after)
	for _, h := range t.heads {
		w.unsealed.add(h, now)
	}
	return answers, nil
}

// end commits the transaction.
func (w *writer) end() error {
	begun := time.Now()
	if err := w.plain("COMMIT"); err != nil {
		w.stale = true
		return err
	}
	if w.onCommit != nil {
		w.onCommit(time.Since(begun))
	}
	return nil
}

// step runs one write in a savepoint. err says that the whole transaction is
// lost.
func (t *tx) step(one *write) (answer, err error) {
	if err := t.plain("SAVEPOINT step"); err != nil {
		return nil, err
	}
	t.staged = map[store.RoomID]head{}
	before := len(t.after)
	if answer = one.run(t); answer != nil {
		t.after = t.after[:before]
		if t.plain("ROLLBACK TO step") != nil {
			// SQLite ends the transaction itself when the disk is full or fails.
			return nil, answer
		}
	} else {
		for room, h := range t.staged {
			t.heads[room] = h
		}
	}
	return answer, t.plain("RELEASE step")
}

// reload reads the index from the file.
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

// plain runs a statement without arguments.
func (w *writer) plain(query string) error {
	_, err := w.exec(query)
	return err
}

func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.Background(), args...)
}

// row scans one row into dest; found is false if there is none.
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

func (w *writer) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.Background(), args...)
}

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
