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

// Times are what a tracker is to be made with.
type Times struct{ Grace, Idle, Away time.Duration }

// New makes a tracker; the suite closes it.
type New func(t *testing.T, times Times) presence.Tracker

// Run checks a tracker of one process, in virtual time.
func Run(t *testing.T, new New) {
	RunIn(t, Virtual(), new)
}

// RunIn checks a tracker in the given time. Room and user names are fresh for
// each test, so trackers over one server may share it.
func RunIn(t *testing.T, clock Clock, new New) {
	for _, c := range []struct {
		name string
		test func(f *fixture)
		waits
	}{
		{"followers are told how people are", testFollow, forNothing},
		{"who does nothing is idle and then away", testIdle, forIdle},
		{"a join is told and listed", testJoin, forNothing},
		{"a second tab is no second person", testTabs, forGrace},
		{"a reload within the grace period shows nothing", testReload, forNothing},
		{"who stays away past the grace period is gone once", testLeave, forGrace},
		{"joining again with the same conn replaces", testReplace, forNothing},
		{"a conn that changes person leaves the first", testChangePerson, forGrace},
		{"what is unknown is ignored", testUnknown, forGrace},
		{"rooms are apart", testRooms, forGrace},
		{"status is over all rooms", testStatus, forGrace},
		{"twelve people have twelve slots", testSlots, forNothing},
		{"a slot stays with the person", testSlotReturns, forGrace},
		{"stop waits and ends the calls", testStop, forNothing},
		{"close ends everything", testClose, forGrace},
		{"at random, diffs and lists tell the truth", testRandom, forGrace},
		{"callers at once", testConcurrent, forGrace},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !clock.Exact { // most of the time is waiting
				t.Parallel()
			}
			clock, times := clock, Times{clock.Grace, presence.IdleAfter, presence.AwayAfter}
			if !clock.Exact && c.waits != forGrace {
				// However slow the machine is, the test is over before.
				times = Times{time.Hour, time.Hour, 2 * time.Hour}
				if c.waits == forIdle {
					times.Idle, times.Away = 2*time.Second, 20*time.Second
				}
			}
			clock.Grace = times.Grace
			clock.Run(t, func(t *testing.T) {
				tracker := new(t, times)
				f := &fixture{T: t, Tracker: tracker, Clock: clock, salt: fmt.Sprintf("-%x", rand.Uint64())}
				f.stop = tracker.Watch(f.seen)
				c.test(f)
				f.stop()
				f.ok(tracker.Close())
			})
		})
	}
}

// waits is what a test in real time waits for; other times are long.
type waits int

const (
	forGrace waits = iota
	forNothing
	forIdle
)

type fixture struct {
	*testing.T
	presence.Tracker
	Clock
	salt string
	stop func()

	mu    sync.Mutex
	diffs []presence.Diff
}

func (f *fixture) seen(d presence.Diff) {
	for _, p := range d.Joins {
		if slices.Contains(d.Leaves, p.ID) {
			f.Errorf("%s joins and leaves in one diff", p.ID)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.diffs = append(f.diffs, d)
}

// news are the diffs since the last call, without times.
func (f *fixture) news() []presence.Diff {
	f.Settle()
	return f.taken()
}

// taken are the diffs told so far, since they were last asked for.
func (f *fixture) taken() []presence.Diff {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.diffs
	f.diffs = nil
	return news
}

// patience is how long a tracker in real time may take, on a slow machine.
const patience = time.Minute

// eventually waits until ok says so, or fails.
func (f *fixture) eventually(what string, ok func() bool) {
	f.Helper()
	f.Settle()
	if f.Exact {
		if !ok() {
			f.Errorf("not so: %s", what)
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
			f.Fatalf("not so after %s: %s", patience, what)
		}
	}
}

// newsOf is news once there are n.
func (f *fixture) newsOf(n int) []presence.Diff {
	f.Helper()
	f.eventually(fmt.Sprintf("%d diffs are told", n), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.diffs) >= n
	})
	return f.news()
}

func (f *fixture) quiet(why string) {
	f.Helper()
	if news := f.news(); len(news) > 0 {
		f.Errorf("%s: told %+v", why, news)
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

func (f *fixture) here(room, user string) bool {
	f.Helper()
	here, err := f.IsPresent(f.Context(), room+f.salt, user+f.salt)
	f.ok(err)
	return here
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
