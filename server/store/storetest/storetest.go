// Package storetest is the conformance suite of store.Store and notify.Inbox: tests that
// every implementation must pass.
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

// seedEnv is the environment variable that replays a random test with its seed.
const seedEnv = "WEFT_SEED"

// Run runs the suite of store.Store. open opens the store in dir, a folder of the test's
// own; it is called again with the same dir after Close. If open registers a cleanup that
// closes the store, that may be closed already.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *opened[store.Store])
	}{
		{"documents/a room never written to is empty", documentEmpty},
		{"documents/records are loaded in order", documentOrder},
		{"documents/an append is all or nothing", documentAllOrNothing},
		{"documents/compaction replaces the log", documentCompact},
		{"documents/compaction keeps later records", documentCompactKeeps},
		{"documents/an older compaction changes nothing", documentCompactStale},
		{"documents/ids are not used again after compaction", documentCompactIDs},
		{"documents/long logs", documentLongLogs},
		{"documents/a document is read in parts", documentPages},
		{"documents/a log is compacted in parts", documentParts},
		{"documents/every load is as of one moment", documentMoment},
		{"chat/seq has no gaps", chatGapless},
		{"chat/the same id is the same message", chatIdempotent},
		{"chat/an id of somebody else is refused", chatConflict},
		{"chat/a message is read as it was stored", chatFidelity},
		{"chat/pages", chatPages},
		{"chat/edits have versions", chatEdits},
		{"chat/a deleted message has no content", chatDelete},
		{"chat/reactions", chatReactions},
		{"chat/threads have one level", chatThreads},
		{"chat/changes come in order of rev", chatChanges},
		{"chat/read marks only go forward", chatRead},
		{"chat/rooms of a person", chatRooms},
		{"chat/search", chatSearch},
		{"chat/system messages are bounded and few", chatSystemMessages},
		{"outbox/stored with the message, until deleted", outboxEntries},
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

// opened is a store that can be closed and opened again.
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

// reopen closes the store and opens it again.
func (o *opened[S]) reopen() {
	o.t.Helper()
	if c, ok := any(o.S).(io.Closer); ok {
		must(o.t, c.Close())
	}
	o.S = o.open(o.t, o.dir)
}

// twice runs check, reopens the store, and runs check again.
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

// value returns a function that returns v, or fails the test if err is not nil.
func value[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// same fails the test if got differs from want; what names the value in the failure.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// random returns a random generator, and logs how to replay the test.
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

// at returns a fixed time, in whole milliseconds, plus n seconds.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC).Add(time.Duration(n) * time.Second)
}
