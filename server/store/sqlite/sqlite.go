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

	"weft/notify"
	"weft/server/internal/durable"
	"weft/server/store"
)

var (
	_ store.Store  = (*Store)(nil)
	_ notify.Inbox = (*Store)(nil)
)

const (
	closeWait      = 3 * time.Second // how long Close waits for the commit in progress
	defaultReaders = 4
	defaultCache   = 4 << 20 // bytes
)

// Options of a store. The zero value is right for a server.
type Options struct {
	CacheBytes int // page cache of each connection, in bytes; 0 means 4 MiB
	Readers    int // how many connections read; 0 means 4
	// OnCommit is called after each commit with how long writing and syncing took. It
	// is called by the writing goroutine and must not block. nil is not called.
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
	queue chan *write   // unbuffered: a write that is not received yet has not begun
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the writing goroutine has ended
	// abandoned is closed when Close no longer waits for the commit in progress.
	abandoned chan struct{}

	closing  sync.Once
	closeErr error // what Close returns
}

// Open opens the data file at path, or creates it in a folder that exists. It brings
// an older format up to date, and refuses a newer one and a file that another process
// has open. Damaged documents are no error here; see Damage.
func Open(path string, opts Options) (*Store, error) {
	s, err := open(path, opts)
	if err != nil {
		return nil, fail("open", fmt.Errorf("%s: %w", path, err))
	}
	return s, nil
}

func open(path string, opts Options) (_ *Store, err error) {
	if path, err = createFile(path); err != nil {
		return nil, err
	}
	owner, err := lock(path)
	if err != nil {
		return nil, err
	}
	s := newStore(path, opts)
	s.owner = owner
	s.writer = connect(path, opts, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)")
	s.writer.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	ctx := context.Background()
	if err := s.upgrade(ctx); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	return s, s.startWriter(ctx, opts)
}

// createFile creates the data file if it is missing. It returns its path, absolute and
// without symbolic links, so that one file has one lock.
func createFile(path string) (string, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return "", errors.New("the data file must be a plain path")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	// Created here and not by SQLite, only its owner may read it from the start. SQLite
	// gives the files beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// newStore makes a Store that has its readers only.
func newStore(path string, opts Options) *Store {
	readers := opts.Readers
	if readers <= 0 {
		readers = defaultReaders
	}
	s := &Store{
		path:      path,
		readers:   connect(path, opts, "_pragma=query_only(1)"),
		queue:     make(chan *write),
		stop:      make(chan struct{}),
		done:      make(chan struct{}),
		abandoned: make(chan struct{}),
	}
	s.readers.SetMaxOpenConns(readers)
	s.readers.SetMaxIdleConns(readers)
	return s
}

// upgrade brings the file's format up to date, and makes the file's name durable.
func (s *Store) upgrade(ctx context.Context) error {
	// A reader looks at the format: a writer would begin by switching the file to WAL,
	// and a file that is refused must not be changed.
	version, err := formatOf(ctx, s.readers)
	if err != nil {
		return err
	}
	if err := migrate(ctx, s.writer, version); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(s.path))
}

// startWriter reads the index and starts the writing goroutine.
func (s *Store) startWriter(ctx context.Context, opts Options) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	w := &writer{conn: conn, index: &s.index, onCommit: opts.OnCommit, stmts: map[string]*sql.Stmt{}, args: make([]any, 0, 4*rowsPerInsert)}
	if err := w.reload(); err != nil {
		w.close()
		return err
	}
	go func() {
		defer close(s.done)
		w.loop(s.queue, s.stop)
	}()
	return nil
}

// Close refuses further writes with ErrClosed, waits for the commit in progress, and
// closes the file. If the commit does not end within closeWait (3 s), its callers and
// Close return ErrCommitHung; the file stays open and locked until the commit ends.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if s.writer == nil { // opened by OpenReadOnly
			s.closeErr = fail("close", s.readers.Close())
			return
		}
		close(s.stop)
		timer := time.NewTimer(closeWait)
		defer timer.Stop()
		select {
		case <-s.done:
			if err := s.release(); err != nil {
				s.closeErr = fail("close", err)
			}
		case <-timer.C:
			close(s.abandoned)
			s.closeErr = fail("close", ErrCommitHung)
			go func() { <-s.done; _ = s.release() }()
		}
	})
	return s.closeErr
}

// release closes all connections and unlocks the file. The readers are closed first:
// the last connection moves the WAL into the data file, and readers may not write.
func (s *Store) release() error {
	return errors.Join(s.readers.Close(), s.writer.Close(), s.owner.Close())
}

// Damage returns all damage that was found when the file was opened, nil if there was
// none. The rooms known to be affected are refused with store.ErrCorrupt. Damage that
// is found later only shows as an error of LoadPart.
func (s *Store) Damage() error { return s.index.damage() }

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	return fail("ping", s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO health (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = ?1", millis(time.Now()))
		return err
	}))
}

// connect makes a pool of connections to path. settings are parts of the DSN's query.
func connect(path string, opts Options, settings ...string) *sql.DB {
	cache := opts.CacheBytes
	if cache <= 0 {
		cache = defaultCache
	}
	settings = append([]string{
		"_pragma=busy_timeout(5000)",
		fmt.Sprintf("_pragma=cache_size(-%d)", max(cache/1024, 1)),
		"_pragma=journal_size_limit(67108864)", // bytes that a WAL is truncated to when it has been longer
		"_pragma=temp_store(MEMORY)",
	}, settings...)
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // Windows: before the drive letter
	}
	dsn := url.URL{Scheme: "file", Path: slashed, RawQuery: strings.Join(settings, "&")}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		panic(err) // only for an unknown driver
	}
	return db
}

// read runs f in a transaction that sees the file as of one moment. tx must not be used
// after f has returned.
func (s *Store) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}
