package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"weft/server/internal/durable"
)

// Backup writes a copy of the store, as of one moment, to path, which must not exist.
// It does not block writers. The copy is a data file that Open opens; it is durable
// when Backup returns. After an error there is nothing at path.
func (s *Store) Backup(ctx context.Context, path string) error {
	select {
	case <-s.stop:
		return ErrClosed
	default:
	}
	return Backup(ctx, s.path, path)
}

// Backup copies the data file at from as Store.Backup does. A server may have the file
// open and write to it.
func Backup(ctx context.Context, from, path string) error {
	if err := backup(ctx, from, path); err != nil {
		return fail("backup", fmt.Errorf("%s: %w", path, err))
	}
	return nil
}

func backup(ctx context.Context, from, path string) error {
	if _, err := os.Stat(from); err != nil { // SQLite would create a file that is missing
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.ErrExist)
	}
	part := path + ".part"
	// SQLite fills an empty file. Created here, only its owner may read it, and O_EXCL
	// keeps a second backup to the same path out.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	defer f.Close()

	// It has a connection of its own, as query_only forbids VACUUM INTO to the readers.
	db := connect(from, Options{})
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace a file that was created meanwhile.
	if err := os.Link(part, path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
