package sqlite_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"weft/server/store"
	"weft/server/store/sqlite"
)

// TestEachCommitIsTold, once and by when whoever waits for it has been answered; one
// that stores nothing is not.
func TestEachCommitIsTold(t *testing.T) {
	t.Parallel()
	var commits atomic.Int64
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "weft.db"), sqlite.Options{OnCommit: func(took time.Duration) {
		if took <= 0 {
			t.Errorf("it took %s", took)
		}
		commits.Add(1)
	}})
	if err != nil {
		t.Fatal(err)
	}
	before := commits.Load()
	for n := int64(1); n <= 3; n++ {
		if err := s.AppendUpdates(t.Context(), []store.Update{{Room: "a", Data: []byte{0, 0}}, {Room: "b", Data: []byte{0, 0}}}); err != nil {
			t.Fatal(err)
		}
		if got := commits.Load() - before; got != n {
			t.Errorf("%d commits told of after %d", got, n)
		}
	}
	if err := s.AppendUpdates(t.Context(), nil); err != nil || commits.Load()-before != 3 {
		t.Errorf("a commit of nothing: %v, %d told of", err, commits.Load()-before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
