// Package storetest is the conformance suite of store.Store and notify.Inbox.
// What holds here holds for every store of Weft, whatever it is made of.
package storetest

import (
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/server/store"
)

// seedEnv replays a random test.
const seedEnv = "WEFT_SEED"

// Run runs the suite. open opens the store kept under dir, a folder that the
// test owns; it is called again with the same dir after Close. Cleaning up,
// open may close what the suite has closed already.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *opened[store.Store])
	}{
		{"documents/a room never written to is empty", documentEmpty},
		{"documents/records come back in order", documentOrder},
		{"documents/an append is all or nothing", documentAllOrNothing},
		{"documents/a fold replaces the log", documentFold},
		{"documents/a fold keeps what came after", documentFoldKeeps},
		{"documents/a fold never goes back", documentFoldStale},
		{"documents/ids are not used again after a fold", documentFoldIDs},
		{"documents/long logs", documentLongLogs},
		{"documents/a document is read in parts", documentPages},
		{"documents/a log is folded in parts", documentParts},
		{"documents/every load is one moment", documentCut},
		{"chat/seq has no gaps", chatGapless},
		{"chat/the same id is the same message", chatIdempotent},
		{"chat/an id of somebody else is refused", chatConflict},
		{"chat/a message comes back as it was stored", chatFidelity},
		{"chat/pages", chatPages},
		{"chat/edits have versions", chatEdits},
		{"chat/what is deleted is gone", chatDelete},
		{"chat/reactions", chatReactions},
		{"chat/threads have one level", chatThreads},
		{"chat/changes come in order of rev", chatChanges},
		{"chat/read marks only go forward", chatRead},
		{"chat/rooms of a person", chatRooms},
		{"chat/search", chatSearch},
		{"chat/lines are bounded and few", chatLines},
		{"facts/stored with the message, until done", facts},
		{"members/latest first", members},
		{"members/1000 at most", membersLimit},
		{"settings/concurrent callers agree", settingsRace},
		{"settings/make may fail", settingsFail},
		{"settings/put, listed and removed", settingsPut},
		{"context/cancelled before it begins", cancelled},
		{"model/random", model},
		{"all methods at once", everything},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newOpened(t, open))
		})
	}
}

// opened is a store and the means to close and open it again.
type opened[S any] struct {
	S    S
	t    *testing.T
	dir  string
	open func(t *testing.T, dir string) S
}

func newOpened[S any](t *testing.T, open func(t *testing.T, dir string) S) *opened[S] {
	dir := t.TempDir()
	return &opened[S]{S: open(t, dir), t: t, dir: dir, open: open}
}

func (o *opened[S]) reopen() {
	o.t.Helper()
	if c, ok := any(o.S).(io.Closer); ok {
		must(o.t, c.Close())
	}
	o.S = o.open(o.t, o.dir)
}

// twice runs check before and after a reopening.
func (o *opened[S]) twice(check func()) {
	o.t.Helper()
	check()
	o.reopen()
	check()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func value[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// random prints how to replay the test.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(seedEnv); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	t.Logf("replay with %s=%d go test -run '%s'", seedEnv, seed, t.Name())
	return rand.New(rand.NewPCG(seed, 1))
}

// at is a time with whole milliseconds, n seconds after a fixed one.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC).Add(time.Duration(n) * time.Second)
}
