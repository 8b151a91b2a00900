package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

// wantRefused checks that Open refuses the path, and that the error names the path and
// contains the words.
func wantRefused(t *testing.T, path string, words ...string) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{})
	if err == nil {
		s.Close()
		t.Fatalf("%s was opened", path)
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error is %q, want it to contain %q", err, word)
		}
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	appendTo(t, s, "room", "1")
	must(t, s.Exec("PRAGMA user_version = 99"))
	must(t, s.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	wantRefused(t, path, "format 99", "newer")
	after, err := os.ReadFile(path)
	must(t, err)
	if string(before) != string(after) {
		t.Fatal("Open changed the file that it refused")
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec("CREATE TABLE other (id)")
	must(t, err)
	must(t, db.Close())
	wantRefused(t, path, "not Weft's")

	path = filepath.Join(t.TempDir(), "letter.txt")
	must(t, os.WriteFile(path, []byte(strings.Repeat("Dear Ann, ", 1000)), 0o600))
	wantRefused(t, path)
	wantRefused(t, filepath.Join(t.TempDir(), "no", "folder", "weft.db"))
	if _, err := sqlite.Open(":memory:", sqlite.Options{}); err == nil {
		t.Fatal("a store in memory was opened")
	}
}

func TestSecondOpenerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	wantRefused(t, path, "in use by process", "stop that one")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err == nil {
		wantRefused(t, link, "in use by process")
	}
	appendTo(t, s, "room", "1") // the first store still works
	must(t, s.Close())
	wantText(t, open(t, dir), "room", "1")
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	dir := t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "room", "1")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	if len(files) < 4 {
		t.Fatalf("the store has the files %v, want at least 4", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", f, info.Mode())
		}
	}
}

func TestPathMayHaveSpecialCharacters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?c#d%41&e=ü;")
	must(t, os.Mkdir(dir, 0o700))
	s := open(t, dir)
	appendTo(t, s, "room", "1")
	must(t, s.Close())
	if _, err := os.Stat(filepath.Join(dir, "weft.db")); err != nil {
		t.Fatal(err)
	}
	wantText(t, open(t, dir), "room", "1")
}

func TestClosedStoreRefusesCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Close())
	must(t, s.Close())
	if err := s.AppendUpdates(t.Context(), []store.Update{{Room: "room", Data: []byte("x")}}); !errors.Is(err, sqlite.ErrClosed) {
		t.Fatalf("append: %v, want ErrClosed", err)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "copy.db")); !errors.Is(err, sqlite.ErrClosed) {
		t.Fatalf("backup: %v, want ErrClosed", err)
	}
	if _, err := storetest.LoadAll(t.Context(), s, "room"); err == nil {
		t.Fatal("LoadPart of a closed store returned no error")
	}
}

// If a commit hangs, Close and the callers of queued writes return within closeWait. The
// file is unlocked when the commit ends.
func TestCloseReturnsWhileACommitHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "room", "1")
	until := make(chan struct{})
	ended := s.Hang(until)
	wantText(t, s, "room", "1") // readers do not wait for the commit
	late := make(chan error, 1)
	go func() { late <- s.AppendUpdates(t.Context(), []store.Update{{Room: "room", Data: []byte("2")}}) }()
	if err := s.Close(); !errors.Is(err, sqlite.ErrCommitHung) {
		t.Errorf("Close: %v, want ErrCommitHung", err)
	}
	if err := <-ended; !errors.Is(err, sqlite.ErrCommitHung) {
		t.Errorf("the write in the commit that hung: %v, want ErrCommitHung", err)
	}
	if err := <-late; err == nil {
		t.Error("a write queued behind the commit that hung was acknowledged")
	}
	close(until)
	for {
		again, err := sqlite.Open(filepath.Join(dir, "weft.db"), sqlite.Options{})
		if err == nil {
			wantText(t, again, "room", "1")
			must(t, again.Close())
			return
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

func TestBackupIsAWholeCopy(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "room", "1", "2")
	compact(t, s, "room")
	appendTo(t, s, "room", "3")
	if _, _, err := s.PostMessage(t.Context(), store.Message{ID: "m", Room: "room", User: store.User{ID: "ann"}}, store.WithOutbox); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(other, "weft.db")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ctx, path); !errors.Is(err, context.Canceled) {
		t.Fatalf("Backup with a canceled context: %v, want context.Canceled", err)
	}
	must(t, s.Backup(t.Context(), path))
	if err := s.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Fatalf("Backup to an existing file: %v, want os.ErrExist", err)
	}
	appendTo(t, s, "room", "4")

	files, err := os.ReadDir(other)
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("the folder of the backup has %v, want one file", files)
	}
	c := open(t, other)
	wantText(t, c, "room", "123")
	if seq, err := c.LastSeq(t.Context(), "room"); err != nil || seq != 1 {
		t.Fatalf("last seq of the backup is %d, error %v, want 1", seq, err)
	}
	appendTo(t, c, "room", "5")
	wantText(t, c, "room", "1235")
	wantText(t, s, "room", "1234")
}
