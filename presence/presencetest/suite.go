package presencetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/presence"
)

// New makes a tracker with the grace period; the suite closes it.
type New func(t *testing.T, grace time.Duration) presence.Tracker

// Run checks a tracker of one process, in virtual time.
func Run(t *testing.T, new func(t *testing.T, grace time.Duration) presence.Tracker) {
	RunIn(t, Virtual(), new)
}

// RunIn checks a tracker in the given time. Room and user names are fresh for
// each test, so trackers over one server may share it.
func RunIn(t *testing.T, clock Clock, new New) {
	for _, c := range []struct {
		name string
		test func(f *fixture)
	}{
		{"a join is told and listed", testJoin},
		{"a second tab is no second person", testTabs},
		{"a reload within the grace period shows nothing", testReload},
		{"who stays away past the grace period is gone once", testLeave},
		{"joining again with the same conn replaces", testReplace},
		{"a conn that changes person leaves the first", testChangePerson},
		{"what is unknown is ignored", testUnknown},
		{"rooms are apart", testRooms},
		{"status is over all rooms", testStatus},
		{"twelve people have twelve slots", testSlots},
		{"a slot stays with the person", testSlotReturns},
		{"stop waits and ends the calls", testStop},
		{"close ends everything", testClose},
		{"at random, diffs and lists tell the truth", testRandom},
		{"callers at once", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock.Run(t, func(t *testing.T) {
				tracker := new(t, clock.Grace)
				f := &fixture{T: t, Tracker: tracker, Clock: clock, salt: fmt.Sprintf("-%x", rand.Uint64())}
				f.stop = tracker.Watch(f.seen)
				c.test(f)
				f.stop()
				f.ok(tracker.Close())
			})
		})
	}
}

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
	f.mu.Lock()
	defer f.mu.Unlock()
	f.diffs = append(f.diffs, d)
}

// news are the diffs since the last call, without times.
func (f *fixture) news() []presence.Diff {
	f.Settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.diffs
	f.diffs = nil
	return news
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
	return people
}

func (f *fixture) here(room, user string) bool {
	f.Helper()
	here, err := f.Here(f.Context(), room+f.salt, user+f.salt)
	f.ok(err)
	return here
}

func (f *fixture) status(user string) presence.Seen {
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

func testJoin(f *fixture) {
	before := time.Now()
	p := f.join("r", "1", "ana")
	f.equal("name", p.Name, "Name of ana")
	f.equal("status", p.Status, presence.Online)
	f.equal("devices", p.Devices, 1)
	if p.Since.Sub(before).Abs() > time.Minute || p.Since.Location() != time.UTC {
		f.Errorf("since %v, want about %v in UTC", p.Since, before)
	}
	f.equal("news", f.news(), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	q := f.join("r", "2", "ben")
	f.equal("people", f.people("r"), []presence.Person{p, q})
	f.equal("here", f.here("r", "ana"), true)
	f.equal("here, a stranger", f.here("r", "cleo"), false)
}

func testTabs(f *fixture) {
	f.join("r", "1", "ana")
	f.news()
	p := f.join("r", "2", "ana")
	f.equal("devices", p.Devices, 2)
	f.equal("one person", f.people("r"), []presence.Person{p})
	f.equal("told as a change", f.news(), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	f.leave("r", "1")
	f.equal("still here", f.here("r", "ana"), true)
	f.Advance(2 * f.Grace)
	news := f.news()
	if len(news) != 1 || len(news[0].Joins) != 1 || news[0].Joins[0].Devices != 1 || len(news[0].Leaves) != 0 {
		f.Errorf("closing one of two tabs told %+v", news)
	}
}

func testReload(f *fixture) {
	p := f.join("r", "1", "ana")
	f.news()
	f.leave("r", "1")
	f.equal("not here meanwhile", f.here("r", "ana"), false)
	waiting := p
	waiting.Devices = 0
	f.equal("listed meanwhile", f.people("r"), []presence.Person{waiting})
	f.equal("status meanwhile", f.status("ana"), presence.Seen{Status: presence.Online})
	f.Advance(f.Grace / 2)
	f.quiet("half a grace period after leaving")
	f.equal("came back as the same", f.join("r", "2", "ana"), p)
	f.Advance(3 * f.Grace)
	f.quiet("after a reload")
	f.equal("people", f.people("r"), []presence.Person{p})
}

func testLeave(f *fixture) {
	f.join("r", "1", "ana")
	f.join("r", "2", "ben")
	f.news()
	f.leave("r", "1")
	f.leave("r", "1")
	if f.Exact {
		f.Advance(f.Grace - time.Millisecond)
		f.quiet("just before the end of the grace period")
		f.Advance(time.Millisecond)
	} else {
		f.Advance(f.Grace)
	}
	f.equal("told", f.news(), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{}, Leaves: []string{"ana" + f.salt}}})
	f.equal("people", ids(f.people("r")), []string{"ben" + f.salt})
	f.Advance(3 * f.Grace)
	f.quiet("long after")
}

func testReplace(f *fixture) {
	p := f.join("r", "1", "ana")
	f.news()
	f.equal("same", f.join("r", "1", "ana"), p)
	f.quiet("the same again")
	m := f.member("r", "1", "ana")
	m.Name = "Ana Maria"
	_, err := f.Join(f.Context(), m)
	f.ok(err)
	p.Name = "Ana Maria"
	f.equal("renamed", f.people("r"), []presence.Person{p})
	f.equal("told", f.news(), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
}

func testChangePerson(f *fixture) {
	f.join("r", "1", "guest")
	f.join("r", "1", "ana")
	f.equal("guest here", f.here("r", "guest"), false)
	f.equal("ana here", f.here("r", "ana"), true)
	f.Advance(2 * f.Grace)
	f.Settle()
	f.equal("people", ids(f.people("r")), []string{"ana" + f.salt})
}

func testUnknown(f *fixture) {
	f.leave("nowhere", "1")
	f.join("r", "1", "ana")
	f.news()
	f.leave("r", "2")
	f.leave("other", "1")
	f.Advance(2 * f.Grace)
	f.quiet("unknown connections left")
	f.equal("here", f.here("r", "ana"), true)
	f.equal("an empty room", len(f.people("nowhere")), 0)
	f.equal("a stranger", f.status("nobody"), presence.Seen{Status: presence.Offline})
}

func testRooms(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.leave("r", "1")
	f.Advance(2 * f.Grace)
	f.Settle()
	f.equal("r", ids(f.people("r")), []string{})
	f.equal("s", ids(f.people("s")), []string{"ana" + f.salt})
	f.equal("here", f.here("s", "ana"), true)
}

func testStatus(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.join("s", "2", "ana")
	f.equal("online", f.status("ana"), presence.Seen{Status: presence.Online, Devices: 2})
	f.leave("s", "2")
	f.leave("r", "1")
	f.equal("one device", f.status("ana"), presence.Seen{Status: presence.Online, Devices: 1})
	left := time.Now()
	f.leave("s", "1")
	f.Advance(2 * f.Grace)
	f.Settle()
	seen := f.status("ana")
	f.equal("offline", seen.Status, presence.Offline)
	f.equal("devices", seen.Devices, 0)
	if seen.LastSeen == nil {
		f.Fatal("no last seen")
	}
	if at := *seen.LastSeen; !at.Equal(at.Truncate(time.Minute)) || left.Sub(at) < 0 || left.Sub(at) > time.Minute+f.Grace {
		f.Errorf("last seen %v, want the minute of %v", at, left)
	}
	f.join("r", "3", "ana")
	f.equal("back", f.status("ana"), presence.Seen{Status: presence.Online, Devices: 1})
}

func testSlots(f *fixture) {
	var taken [presence.Slots]int
	for i := range presence.Slots + 6 {
		p := f.join("r", strconv.Itoa(i), "user"+strconv.Itoa(i))
		if p.Slot < 0 || p.Slot >= presence.Slots {
			f.Fatalf("slot %d", p.Slot)
		}
		taken[p.Slot]++
		if i < presence.Slots && taken[p.Slot] > 1 {
			f.Errorf("slot %d twice among the first %d", p.Slot, i+1)
		}
	}
}

func testSlotReturns(f *fixture) {
	slots := map[string]int{}
	for i := range presence.Slots {
		user := "user" + strconv.Itoa(i)
		slots[user] = f.join("r", user, user).Slot
	}
	for user := range slots {
		f.leave("r", user)
	}
	f.Advance(2 * f.Grace)
	f.Settle()
	f.equal("all gone", len(f.people("r")), 0)
	for user, slot := range slots {
		f.equal("slot of "+user, f.join("r", user, user).Slot, slot)
	}
}

func testStop(f *fixture) {
	var mu sync.Mutex
	calls := 0
	stop := f.Watch(func(presence.Diff) {
		mu.Lock()
		calls++
		mu.Unlock()
	})
	f.join("r", "1", "ana")
	f.Settle()
	stop()
	stop()
	f.join("r", "2", "ben")
	f.Settle()
	mu.Lock()
	f.equal("calls", calls, 1)
	mu.Unlock()
	f.equal("the other watcher", len(f.news()), 2)
}

func testClose(f *fixture) {
	f.join("r", "1", "ana")
	f.leave("r", "1")
	f.news()
	f.ok(f.Close())
	f.Advance(2 * f.Grace)
	f.quiet("after Close")
	if _, err := f.Join(f.Context(), f.member("r", "1", "ana")); err == nil {
		f.Error("Join after Close succeeded")
	}
}

// truth is the plainest account of who is where: everything that happened, and
// the rules read off the contract.
type truth struct {
	grace time.Duration
	conns map[[2]string]string // room, conn → user
	left  map[[2]string]time.Time
}

func (w *truth) people(room string, now time.Time) map[string]int {
	people := map[string]int{}
	for at, when := range w.left {
		if at[0] == room && now.Sub(when) < w.grace {
			people[at[1]] = 0
		}
	}
	for at, user := range w.conns {
		if at[0] == room {
			people[user]++
		}
	}
	return people
}

func (w *truth) end(room, conn string, now time.Time) {
	if user, ok := w.conns[[2]string{room, conn}]; ok {
		delete(w.conns, [2]string{room, conn})
		w.left[[2]string{room, user}] = now
	}
}

// Seed replays a random test: PRESENCETEST_SEED=n go test -run ….
func seed(t *testing.T) uint64 {
	n := rand.Uint64()
	if s := os.Getenv("PRESENCETEST_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("replay with PRESENCETEST_SEED=%d", n)
	return n
}

func testRandom(f *fixture) {
	random := rand.New(rand.NewPCG(seed(f.T), 1))
	world := truth{f.Grace, map[[2]string]string{}, map[[2]string]time.Time{}}
	rooms := []string{"r", "s", "t"}
	told := map[string]map[string]presence.Person{}
	rounds, steps := 60, 25
	if !f.Exact {
		rounds = 4
	}
	check := func(exact bool) {
		for _, d := range f.news() {
			room := told[d.Room]
			if room == nil {
				room = map[string]presence.Person{}
				told[d.Room] = room
			}
			for _, id := range d.Leaves {
				if _, known := room[id]; !known {
					f.Errorf("leave of %s, who was not there", id)
				}
				delete(room, id)
			}
			for _, p := range d.Joins {
				if p == room[p.ID] {
					f.Errorf("told twice: %+v", p)
				}
				room[p.ID] = p
			}
		}
		if !exact {
			return
		}
		for _, room := range rooms {
			want := world.people(room, time.Now())
			got := map[string]int{}
			for _, p := range f.people(room) {
				user := p.ID[:len(p.ID)-len(f.salt)]
				got[user] = p.Devices
				shown := told[room+f.salt][p.ID]
				if p.Devices == 0 { // the grace period is not told
					shown.Devices = 0
				}
				f.equal("diffs applied against list", shown, p)
				f.equal("here", f.here(room, user), p.Devices > 0)
			}
			f.equal("people of "+room, got, want)
			f.equal("told of "+room, len(told[room+f.salt]), len(want))
		}
	}
	for range rounds {
		for range random.IntN(steps) {
			room, conn := rooms[random.IntN(len(rooms))], strconv.Itoa(random.IntN(8))
			now := time.Now()
			switch random.IntN(5) {
			case 0, 1:
				user := "u" + strconv.Itoa(random.IntN(5))
				if old := world.conns[[2]string{room, conn}]; old != user {
					world.end(room, conn, now)
				}
				world.conns[[2]string{room, conn}] = user
				f.join(room, conn, user)
			case 2, 3:
				world.end(room, conn, now)
				f.leave(room, conn)
			case 4:
				f.Advance(time.Duration(random.Int64N(int64(f.Grace))))
			}
			if random.IntN(4) == 0 {
				check(f.Exact)
			}
		}
		f.Advance(2 * f.Grace)
		check(true)
		if f.Failed() {
			return
		}
	}
}

func testConcurrent(f *fixture) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			conn, user := strconv.Itoa(i), "u"+strconv.Itoa(i/2)
			for range 20 {
				if _, err := f.Join(f.Context(), f.member("r", conn, user)); err != nil {
					f.Error(err)
				}
				_, err1 := f.People(f.Context(), "r"+f.salt)
				_, err2 := f.Here(f.Context(), "r"+f.salt, user+f.salt)
				_, err3 := f.Status(f.Context(), []string{user + f.salt})
				f.Watch(func(presence.Diff) {})()
				err4 := f.Leave(f.Context(), "r"+f.salt, conn+f.salt)
				for _, err := range []error{err1, err2, err3, err4} {
					if err != nil {
						f.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	f.Advance(2 * f.Grace)
	f.Settle()
	f.equal("people", len(f.people("r")), 0)
	here := map[string]bool{}
	for _, d := range f.news() {
		for _, id := range d.Leaves {
			delete(here, id)
		}
		for _, p := range d.Joins {
			here[p.ID] = true
		}
	}
	f.equal("people by the diffs", slices.Collect(func(yield func(string) bool) {
		for id := range here {
			yield(id)
		}
	}), []string(nil))
}
