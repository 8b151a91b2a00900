package presencetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/presence"
)

// Times are the options that a tracker is made with: the grace period, and how long a
// connection is inactive before it is idle and away.
type Times struct{ Grace, Idle, Away time.Duration }

// New returns a tracker with these times. The suite closes it.
type New func(t *testing.T, times Times) presence.Tracker

// Run tests a tracker of one process, in virtual time.
func Run(t *testing.T, new New) {
	RunIn(t, Virtual(), new)
}

// RunIn tests a tracker in the given time. Room and user names are new for each test,
// so that trackers may share one server.
func RunIn(t *testing.T, clock Clock, new New) {
	for _, c := range []struct {
		name string
		test func(f *fixture)
		waits
	}{
		{"watched statuses are reported", testWatchStatus, forNothing},
		{"an inactive person becomes idle and then away", testIdle, forIdle},
		{"a join is published and listed", testJoin, forNothing},
		{"a second tab is not a second person", testTabs, forGrace},
		{"a reload within the grace period publishes nothing", testReload, forNothing},
		{"a person leaves once, after the grace period", testLeave, forGrace},
		{"joining again with the same Conn replaces the entry", testReplace, forNothing},
		{"a connection that changes its person leaves for the first", testChangePerson, forGrace},
		{"unknown rooms, connections and people are ignored", testUnknown, forGrace},
		{"rooms are independent", testRooms, forGrace},
		{"a status is over all rooms", testStatus, forGrace},
		{"twelve people have twelve slots", testSlots, forNothing},
		{"a person who returns has the same slot", testSlotReturns, forGrace},
		{"stop ends the calls of a watcher", testStop, forNothing},
		{"Close ends calls and publishing", testClose, forGrace},
		{"at random, lists and diffs equal a model", testRandom, forGrace},
		{"concurrent callers", testConcurrent, forGrace},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !clock.Exact { // the tests mostly wait
				t.Parallel()
			}
			clock, times := clock, Times{clock.Grace, presence.IdleAfter, presence.AwayAfter}
			if !clock.Exact && c.waits != forGrace {
				// Longer than the test takes on any machine.
				times = Times{time.Hour, time.Hour, 2 * time.Hour}
				if c.waits == forIdle {
					times.Idle, times.Away = 2*time.Second, 20*time.Second
				}
			}
			clock.Grace = times.Grace
			clock.Run(t, func(t *testing.T) {
				tracker := new(t, times)
				f := &fixture{T: t, Tracker: tracker, Clock: clock, salt: fmt.Sprintf("-%x", rand.Uint64())}
				f.stop = tracker.Watch(f.record)
				c.test(f)
				f.stop()
				f.ok(tracker.Close())
			})
		})
	}
}

// waits says which time a test waits for. In real time the others are made long.
type waits int

const (
	forGrace waits = iota
	forNothing
	forIdle
)

// fixture is a tracker under test, and the diffs that it has published.
type fixture struct {
	*testing.T
	presence.Tracker
	Clock
	salt string // appended to all names
	stop func()

	mu    sync.Mutex
	diffs []presence.Diff
}

// record is the watcher of the fixture.
func (f *fixture) record(d presence.Diff) {
	for _, p := range d.Joins {
		if slices.Contains(d.Leaves, p.ID) {
			f.Errorf("%s is in the joins and the leaves of one diff", p.ID)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.diffs = append(f.diffs, d)
}

// newDiffs returns the diffs since the last call, after everything has settled.
func (f *fixture) newDiffs() []presence.Diff {
	f.Settle()
	return f.taken()
}

// taken returns the diffs since the last call, without waiting.
func (f *fixture) taken() []presence.Diff {
	f.mu.Lock()
	defer f.mu.Unlock()
	diffs := f.diffs
	f.diffs = nil
	return diffs
}

// patience is how long a tracker in real time may take on a slow machine.
const patience = time.Minute

// eventually waits until ok returns true, or fails the test. In exact time it asks
// once.
func (f *fixture) eventually(what string, ok func() bool) {
	f.Helper()
	f.Settle()
	if f.Exact {
		if !ok() {
			f.Fatalf("this is not so: %s", what)
		}
		return
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			f.Fatalf("after %s this is still not so: %s", patience, what)
		}
	}
}

// waitForDiffs waits for at least n diffs and returns all.
func (f *fixture) waitForDiffs(n int) []presence.Diff {
	f.Helper()
	f.eventually(fmt.Sprintf("%d diffs are published", n), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.diffs) >= n
	})
	return f.newDiffs()
}

// noDiffs checks that nothing was published since the last call.
func (f *fixture) noDiffs(when string) {
	f.Helper()
	if diffs := f.newDiffs(); len(diffs) > 0 {
		f.Errorf("%s: published %+v, want nothing", when, diffs)
	}
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) member(room, conn, user string) presence.Member {
	return presence.Member{Room: room + f.salt, Conn: conn + f.salt, User: user + f.salt, Name: "Name of " + user}
}

func (f *fixture) join(room, conn, user string) presence.Person {
	f.Helper()
	p, err := f.Join(f.Context(), f.member(room, conn, user))
	f.ok(err)
	return p
}

func (f *fixture) leave(room, conn string) {
	f.Helper()
	f.ok(f.Leave(f.Context(), room+f.salt, conn+f.salt))
}

func (f *fixture) people(room string) []presence.Person {
	f.Helper()
	people, err := f.People(f.Context(), room+f.salt)
	f.ok(err)
	if f.Exact {
		n, err := f.Count(f.Context(), room+f.salt)
		f.ok(err)
		f.equal("count", n, len(people))
	}
	return people
}

func (f *fixture) isPresent(room, user string) bool {
	f.Helper()
	present, err := f.IsPresent(f.Context(), room+f.salt, user+f.salt)
	f.ok(err)
	return present
}

func (f *fixture) status(user string) presence.UserStatus {
	f.Helper()
	status, err := f.Status(f.Context(), []string{user + f.salt})
	f.ok(err)
	return status[user+f.salt]
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		f.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func ids(people []presence.Person) []string {
	list := []string{}
	for _, p := range people {
		list = append(list, p.ID)
	}
	return list
}
