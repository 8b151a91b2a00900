//go:build unix

package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

// commitEnv names the folder for a child process that may not write far.
const commitEnv = "WEFT_SQLITE_COMMIT"

// TestFailedCommit has the operating system refuse the writes of a commit. The
// limit on file sizes that does so is one of the whole process, hence a child.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), commitEnv+"="+t.TempDir())
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func commitChild() {
	if err := failCommits(os.Getenv(commitEnv)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func failCommits(dir string) error {
	ctx := context.Background()
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead
	path := filepath.Join(dir, "weft.db")
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	want := ""
	write := func(data string) error {
		err := s.AppendUpdates(ctx, []store.Update{{Room: "room", Data: []byte(data)}})
		if err == nil {
			want += data
		}
		return err
	}
	check := func() error {
		doc, err := storetest.LoadAll(ctx, s, "room")
		got := string(doc.Snapshot)
		for _, data := range doc.Log {
			got += string(data)
		}
		if err != nil || got != want {
			return fmt.Errorf("%d bytes are there, want %d; error %w", len(got), len(want), err)
		}
		return nil
	}
	large := strings.Repeat("x", 100_000)
	for round := range 5 {
		if err := write(fmt.Sprint(round)); err != nil {
			return err
		}
		wal, err := os.Stat(path + "-wal")
		if err != nil {
			return err
		}
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		free := limit.Cur
		limit.Cur = uint64(wal.Size()) + 10_000
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		if write(large) == nil {
			return fmt.Errorf("round %d: a commit that could not be written was acknowledged", round)
		}
		if err := s.Compact(ctx, "room", []byte(large), 1); err == nil {
			return fmt.Errorf("round %d: a compaction that could not be written was acknowledged", round)
		}
		if err := check(); err != nil {
			return err
		}
		limit.Cur = free
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		if err := write(large); err != nil {
			return err
		}
		if err := check(); err != nil {
			return err
		}
		if round%2 == 1 {
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = sqlite.Open(path, sqlite.Options{}); err != nil {
				return err
			}
		}
		if err := check(); err != nil {
			return err
		}
	}
	return s.Close()
}
