package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weft/notify"
	"weft/server/internal/durable"
	"weft/server/store"
)

var (
	_ store.Store  = (*Store)(nil)
	_ notify.Inbox = (*Store)(nil)
)

// ErrClosed says that the store has been closed.
var ErrClosed = errors.New("sqlite: store is closed")

// ErrCommitHung says that the store was closed while a commit was under way that did
// not end. Whether it happened shows when the file is opened again.
var ErrCommitHung = errors.New("sqlite: a commit does not end")

// closeWait is how long Close waits for the commit under way.
const closeWait = 3 * time.Second

// Options of a store. The zero value is right for a server.
type Options struct {
	CacheBytes int // page cache of each connection; 0 means 4 MiB
	Readers    int // connections that read; 0 means 4
	// OnCommit is called after each commit with how long that took: writing what has
	// changed to the disk and waiting for it. It must not block. nil: nobody is told.
	OnCommit func(took time.Duration)
}

// Store is one open data file. Safe for concurrent use.
type Store struct {
	path    string
	owner   io.Closer // the lock on path
	writer  *sql.DB   // one connection, used by the writing goroutine only
	readers *sql.DB
	stmts   map[string]*sql.Stmt // on readers, by their text; closed with them

	index index
	queue chan *write // unbuffered: who waits in it has not begun
	stop  chan struct{}
	done  chan struct{} // closed when the writing goroutine has ended
	// abandoned is closed when Close no longer waits for the commit under way.
	abandoned chan struct{}

	closing sync.Once
	closed  error // of Close
}

// Open opens the data file at path, whose folder exists, or creates it. It
// brings an older format up to date, refuses a newer one, and refuses a file
// that another process has open.
func Open(path string, opts Options) (*Store, error) {
	s, err := open(path, opts)
	if err != nil {
		return nil, fail("open", fmt.Errorf("%s: %w", path, err))
	}
	return s, nil
}

func open(path string, opts Options) (_ *Store, err error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return nil, errors.New("the data file must be a plain path")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	// Created here, so that it is private from its first byte on. SQLite gives
	// the files beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// One file has one lock, whatever links lead to it.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	owner, err := lock(path)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path:    path,
		owner:   owner,
		writer:  connect(path, opts, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)"),
		readers: connect(path, opts, "_pragma=query_only(1)"),
		queue:   make(chan *write),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),

		abandoned: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	s.writer.SetMaxOpenConns(1)
	readers := opts.Readers
	if readers <= 0 {
		readers = 4
	}
	s.readers.SetMaxOpenConns(readers)
	s.readers.SetMaxIdleConns(readers)

	ctx := context.Background()
	// Asked through a reader: the first thing a writer does is to switch the
	// file to WAL, which is not for files that are refused.
	version, err := formatOf(ctx, s.readers)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.writer, version); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, index: &s.index, committed: opts.OnCommit, stmts: map[string]*sql.Stmt{}, args: make([]any, 0, 4*rowsPerInsert)}
	if err := w.reload(); err != nil {
		w.close()
		return nil, err
	}
	go func() {
		defer close(s.done)
		w.loop(s.queue, s.stop)
	}()
	return s, nil
}

// Close waits for the commit under way, refuses what comes after, and gives up
// the file. A commit that does not end within closeWait is left alone with the
// file: its callers get ErrCommitHung, and so does who closes. The file is given up
// when it does end.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if s.writer == nil { // opened by OpenReadOnly
			s.closed = fail("close", s.readers.Close())
			return
		}
		close(s.stop)
		timer := time.NewTimer(closeWait)
		defer timer.Stop()
		select {
		case <-s.done:
			if err := s.release(); err != nil {
				s.closed = fail("close", err)
			}
		case <-timer.C:
			close(s.abandoned)
			s.closed = fail("close", ErrCommitHung)
			go func() { <-s.done; _ = s.release() }()
		}
	})
	return s.closed
}

// release closes the readers first: the last connection to close is the one
// that moves the WAL into the data file, and readers may not write.
func (s *Store) release() error {
	return errors.Join(s.readers.Close(), s.writer.Close(), s.owner.Close())
}

// Damage is what was found broken when the file was opened, nil if nothing was.
// The rooms known to be affected are refused with store.ErrCorrupt; damage that
// is found later shows in LoadPart only.
func (s *Store) Damage() error { return s.index.damage() }

// Ping commits a record.
func (s *Store) Ping(ctx context.Context) error {
	return fail("ping", s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO health (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = ?1", millis(time.Now()))
		return err
	}))
}

// connect makes a pool for path; settings are parts of the query of the DSN.
func connect(path string, opts Options, settings ...string) *sql.DB {
	cache := opts.CacheBytes
	if cache <= 0 {
		cache = 4 << 20
	}
	settings = append([]string{
		"_pragma=busy_timeout(5000)",
		fmt.Sprintf("_pragma=cache_size(-%d)", max(cache/1024, 1)),
		"_pragma=journal_size_limit(67108864)", // a WAL that has grown long is cut back
		"_pragma=temp_store(MEMORY)",
	}, settings...)
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	dsn := url.URL{Scheme: "file", Path: slashed, RawQuery: strings.Join(settings, "&")}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		panic(err) // only for an unknown driver
	}
	return db
}

// read runs f in a transaction that sees one moment of the file.
func (s *Store) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}

// fail names the operation and turns SQLite's word for a damaged file into the
// contract's.
func fail(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, store.ErrCorrupt) && (resultCode(err) == sqlite3.SQLITE_CORRUPT || resultCode(err) == sqlite3.SQLITE_NOTADB):
		return fmt.Errorf("sqlite: %s: %w: %w", op, store.ErrCorrupt, err)
	case errors.Is(err, ErrClosed):
		return err
	}
	return fmt.Errorf("sqlite: %s: %w", op, err)
}

// resultCode is SQLite's primary result code, 0 if err is none of its errors.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// timeOf is UTC, as the contract has it.
func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func millisPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return millis(*t)
}

func timePtr(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := timeOf(ms.Int64)
	return &t
}
