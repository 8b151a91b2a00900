package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"weft/server/chat"
	"weft/server/store/sqlite"
)

// dataFile is the store's file in the data folder.
const dataFile = "weft.db"

// Report is what was found in a backup.
type Report struct {
	Rooms int
	Bytes int64
	// Damaged says of each room that is not whole why. The others are.
	Damaged []error
}

// Backup copies all that is kept in the data folder, as of one moment, to a file
// that must not exist yet, and reads it back. A server may be at work there. The
// copy is as secret as the folder.
func Backup(ctx context.Context, data, file string) (Report, error) {
	if err := sqlite.Backup(ctx, filepath.Join(data, dataFile), file); err != nil {
		return Report{}, fmt.Errorf("server: %w", err)
	}
	return verify(ctx, file)
}

// verify reads a data file that nobody else has open.
func verify(ctx context.Context, file string) (r Report, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return r, err
	}
	r.Bytes = info.Size()
	s, err := sqlite.OpenReadOnly(file, sqlite.Options{})
	if err != nil {
		return r, err
	}
	r.Rooms, r.Damaged, err = s.Verify(ctx)
	return r, errors.Join(err, s.Close())
}

// ErrNotEmpty says that a data folder has a store already.
var ErrNotEmpty = errors.New("server: the data folder has a store already: move it away, or choose another folder")

// Restore puts a backup into a data folder without a store, which is made if
// need be, and reads it.
func Restore(ctx context.Context, data, file string) (Report, error) {
	r, err := restore(ctx, data, file)
	if err != nil {
		return Report{}, fmt.Errorf("server: restore %s: %w", file, err)
	}
	return r, nil
}

func restore(ctx context.Context, data, file string) (r Report, err error) {
	if wal, err := os.Stat(file + "-wal"); err == nil && wal.Size() > 0 {
		return r, errors.New("it is a store in use, or one that was not closed, and without the file beside it less than all: make a backup of it")
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return r, err
	}
	target := filepath.Join(data, dataFile)
	// What SQLite left beside a lost file would be taken for part of this one.
	for _, name := range []string{target, target + "-wal", target + "-shm"} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			return r, errors.Join(ErrNotEmpty, err)
		}
	}
	part := filepath.Join(data, "restore.part")
	if err := copyFile(ctx, part, file); err != nil {
		return r, err
	}
	defer func() {
		for _, name := range []string{part, part + "-wal", part + "-shm", part + ".lock"} {
			os.Remove(name)
		}
	}()
	// Opened once, it is brought up to date; and what can't be opened does not
	// become the folder's store.
	s, err := sqlite.Open(part, sqlite.Options{})
	if err != nil {
		return r, err
	}
	// What was written after the backup is gone: to those who have seen it, this
	// is another history.
	err = s.PutSetting(ctx, chat.EpochSetting, nil)
	if err == nil {
		r.Rooms, r.Damaged, err = s.Verify(ctx)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return r, err
	}
	info, err := os.Stat(part)
	if err != nil {
		return r, err
	}
	r.Bytes = info.Size()
	// A link, unlike a rename, does not replace what has come there meanwhile.
	if err := os.Link(part, target); err != nil {
		return r, err
	}
	return r, syncFolder(data)
}

// copyFile makes a private copy, on disk when it returns.
func copyFile(ctx context.Context, to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(to)
		}
	}()
	if _, err := io.Copy(out, cancelled{ctx, in}); err != nil {
		return err
	}
	return out.Sync()
}

// cancelled reads until ctx ends.
type cancelled struct {
	ctx context.Context
	io.Reader
}

func (c cancelled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(b)
}

func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrInvalid) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
