package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a copy of the store as of one moment to path, which must not
// exist, while the store goes on working. The copy is a data file like any
// other: Open opens it. A backup that fails leaves nothing at path.
func (s *Store) Backup(ctx context.Context, path string) error {
	select {
	case <-s.stop:
		return ErrClosed
	default:
	}
	return Backup(ctx, s.path, path)
}

// Backup copies the data file at from, which a server may have open and be
// writing to, as Store.Backup does.
func Backup(ctx context.Context, from, path string) error {
	if err := backup(ctx, from, path); err != nil {
		return fail("backup", fmt.Errorf("%s: %w", path, err))
	}
	return nil
}

func backup(ctx context.Context, from, path string) error {
	if _, err := os.Stat(from); err != nil { // or SQLite makes one
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.ErrExist)
	}
	part := path + ".part"
	// SQLite fills an empty file; made here, it is private and ours alone.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	defer f.Close()

	// A connection of its own: the readers may not write, not even elsewhere.
	db := connect(from, Options{})
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what has come there meanwhile.
	if err := os.Link(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
