package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weft/server/store"
)

// ErrClosed says that the store has been closed, or is open for reading only.
var ErrClosed = errors.New("sqlite: store is closed")

// ErrCommitHung says that the store was closed during a commit that did not end in
// time. Whether the commit is durable shows when the file is opened again.
var ErrCommitHung = errors.New("sqlite: a commit does not end: the disk does not answer")

// fail adds the operation to an error. SQLite's errors for a damaged file become
// store.ErrCorrupt. ErrClosed needs no operation.
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

// resultCode returns SQLite's primary result code, 0 if err is not from SQLite.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
