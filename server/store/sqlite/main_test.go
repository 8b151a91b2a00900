package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"weft/notify"
	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

func TestMain(m *testing.M) {
	switch { // a child process of a test
	case os.Getenv(crashEnv) != "":
		crashChild()
		return
	case os.Getenv(commitEnv) != "":
		commitChild()
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(dir, "weft.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, sqlite.ErrCommitHung) { // that one's test sees to it
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, dir string) store.Store { return open(t, dir) })
}

func TestInbox(t *testing.T) {
	t.Parallel()
	storetest.RunInbox(t, func(t *testing.T, dir string) notify.Inbox { return open(t, dir) })
}
