package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"weft/server/chat"
	"weft/server/internal/durable"
	"weft/server/store/sqlite"
)

// dataFile is the name of the store's file in the data folder.
const dataFile = "weft.db"

// Report says what a backup contains.
type Report struct {
	Rooms int   // with a document, a chat or both
	Bytes int64 // of the file
	// Damaged has one error for each damaged room, and for damage of the file that
	// belongs to no room. All other rooms were read completely and are sound.
	Damaged []error
}

// Backup copies the store in the data folder, as of one moment, to a file that must
// not exist yet, and reads the copy back. A server may be running on the folder. The
// copy contains the folder's secrets; only its owner may read it.
//
// A damaged room is no error: it is copied as it is, and reported.
func Backup(ctx context.Context, data, file string) (Report, error) {
	if err := sqlite.Backup(ctx, filepath.Join(data, dataFile), file); err != nil {
		return Report{}, fmt.Errorf("server: %w", err)
	}
	return verify(ctx, file)
}

// verify reads all of a data file that no other process has open.
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
var ErrNotEmpty = errors.New("server: the data folder already has a store: move its files away, or restore into another folder")

// Restore copies a backup into a data folder and reads all of it. The folder is
// created if it does not exist; if it has a store, the error is ErrNotEmpty. A backup
// of an older version is brought up to date. Nothing is left behind after an error.
func Restore(ctx context.Context, data, file string) (Report, error) {
	r, err := restore(ctx, data, file)
	if err != nil {
		return Report{}, fmt.Errorf("server: restore %s: %w", file, err)
	}
	return r, nil
}

func restore(ctx context.Context, data, file string) (r Report, err error) {
	if wal, err := os.Stat(file + "-wal"); err == nil && wal.Size() > 0 {
		return r, fmt.Errorf("there is a non-empty %s-wal beside the file: it is in use or was not closed cleanly, and is incomplete without that; run `weft backup` on its folder first, and restore what that writes", filepath.Base(file))
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return r, err
	}
	target := filepath.Join(data, dataFile)
	// SQLite would apply the -wal of a lost file to this one.
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
	// The copy is opened under another name first: that brings its format up to date,
	// and a file that cannot be opened does not become the folder's store.
	s, err := sqlite.Open(part, sqlite.Options{})
	if err != nil {
		return r, err
	}
	// Messages that were written after the backup are gone and their numbers are
	// given again. A new epoch tells clients that have seen them.
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
	// A link, unlike a rename, does not replace a file that was created meanwhile.
	if err := os.Link(part, target); err != nil {
		return r, err
	}
	return r, durable.SyncDir(data)
}

// copyFile copies a file to a new one that only its owner may read, and syncs it. It
// stops when ctx ends, and removes the copy after an error.
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
	if _, err := io.Copy(out, contextReader{ctx, in}); err != nil {
		return err
	}
	return out.Sync()
}

// contextReader fails with the context's error once ctx has ended.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(b)
}
