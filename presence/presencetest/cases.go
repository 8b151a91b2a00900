package presencetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/presence"
)

func testJoin(f *fixture) {
	before := time.Now()
	p := f.join("r", "1", "ana")
	f.equal("name", p.Name, "Name of ana")
	f.equal("status", p.Status, presence.Online)
	f.equal("devices", p.Devices, 1)
	if p.Since.Sub(before).Abs() > time.Minute || p.Since.Location() != time.UTC {
		f.Errorf("since %v, want about %v in UTC", p.Since, before)
	}
	f.equal("news", f.newsOf(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	q := f.join("r", "2", "ben")
	f.equal("people", f.people("r"), []presence.Person{p, q})
	n, err := f.Count(f.Context(), "r"+f.salt)
	f.ok(err)
	f.equal("count", n, 2)
	f.equal("here", f.here("r", "ana"), true)
	f.equal("here, a stranger", f.here("r", "cleo"), false)
}

func testTabs(f *fixture) {
	f.join("r", "1", "ana")
	f.newsOf(1)
	p := f.join("r", "2", "ana")
	f.equal("devices", p.Devices, 2)
	f.equal("one person", f.people("r"), []presence.Person{p})
	f.equal("told as a change", f.newsOf(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	f.leave("r", "1")
	f.equal("still here", f.here("r", "ana"), true)
	f.Advance(2 * f.Grace)
	news := f.newsOf(1)
	if len(news) != 1 || len(news[0].Joins) != 1 || news[0].Joins[0].Devices != 1 || len(news[0].Leaves) != 0 {
		f.Errorf("closing one of two tabs told %+v", news)
	}
}

func testReload(f *fixture) {
	p := f.join("r", "1", "ana")
	f.newsOf(1)
	f.leave("r", "1")
	f.equal("not here meanwhile", f.here("r", "ana"), false)
	waiting := p
	waiting.Devices = 0
	f.equal("listed meanwhile", f.people("r"), []presence.Person{waiting})
	f.equal("status meanwhile", f.status("ana"), presence.UserStatus{Status: presence.Online})
	if f.Exact {
		f.Advance(f.Grace / 2)
		f.quiet("half a grace period after leaving")
	}
	back := f.join("r", "2", "ana")
	f.equal("came back as the same", back, p)
	if f.Exact {
		f.Advance(3 * f.Grace)
	}
	f.quiet("after a reload")
	f.equal("people", f.people("r"), []presence.Person{p})
}

func testLeave(f *fixture) {
	f.join("r", "1", "ana")
	f.join("r", "2", "ben")
	f.newsOf(2)
	f.leave("r", "1")
	f.leave("r", "1")
	if f.Exact {
		f.Advance(f.Grace - time.Millisecond)
		f.quiet("just before the end of the grace period")
		f.Advance(time.Millisecond)
	} else {
		f.Advance(f.Grace)
	}
	f.equal("told", f.newsOf(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{}, Leaves: []string{"ana" + f.salt}}})
	f.equal("people", ids(f.people("r")), []string{"ben" + f.salt})
	f.Advance(3 * f.Grace)
	f.quiet("long after")
}

func testReplace(f *fixture) {
	p := f.join("r", "1", "ana")
	f.newsOf(1)
	f.equal("same", f.join("r", "1", "ana"), p)
	f.quiet("the same again")
	m := f.member("r", "1", "ana")
	m.Name = "Ana Maria"
	_, err := f.Join(f.Context(), m)
	f.ok(err)
	p.Name = "Ana Maria"
	f.equal("renamed", f.people("r"), []presence.Person{p})
	f.equal("told", f.newsOf(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
}

func testChangePerson(f *fixture) {
	f.join("r", "1", "guest")
	f.join("r", "1", "ana")
	f.equal("guest here", f.here("r", "guest"), false)
	f.equal("ana here", f.here("r", "ana"), true)
	f.Advance(2 * f.Grace)
	f.eventually("only ana is left", func() bool { return slices.Equal(ids(f.people("r")), []string{"ana" + f.salt}) })
}

func testUnknown(f *fixture) {
	f.leave("nowhere", "1")
	f.join("r", "1", "ana")
	f.newsOf(1)
	f.leave("r", "2")
	f.leave("other", "1")
	f.Advance(2 * f.Grace)
	f.quiet("unknown connections left")
	f.equal("here", f.here("r", "ana"), true)
	f.equal("an empty room", len(f.people("nowhere")), 0)
	f.equal("a stranger", f.status("nobody"), presence.UserStatus{Status: presence.Offline})
}

func testIdle(f *fixture) {
	f.join("r", "1", "ana")
	f.toldStatus(presence.Online)
	if f.Exact {
		f.Advance(presence.IdleAfter - time.Second)
		f.ok(f.Touch(f.Context(), "r"+f.salt, "1"+f.salt))
		f.Advance(presence.IdleAfter - time.Second)
		f.quiet("touched a moment before")
		f.Advance(time.Second)
	}
	f.toldStatus(presence.Idle)
	if f.Exact {
		f.equal("over all rooms", f.status("ana"), presence.UserStatus{Status: presence.Idle, Devices: 1})
		f.equal("listed", f.people("r")[0].Status, presence.Idle)
		f.Advance(presence.AwayAfter - presence.IdleAfter)
	}
	f.toldStatus(presence.Away)
	f.equal("over all rooms", f.status("ana"), presence.UserStatus{Status: presence.Away, Devices: 1})
	f.equal("listed", f.people("r")[0].Status, presence.Away)

	f.join("r", "2", "ana") // the most active tab counts
	f.toldStatus(presence.Online)
	f.ok(f.MarkIdle(f.Context(), "r"+f.salt, "2"+f.salt))
	f.toldStatus(presence.Idle)
	f.ok(f.Touch(f.Context(), "r"+f.salt, "1"+f.salt))
	f.toldStatus(presence.Online)
	if f.Exact {
		f.ok(f.MarkIdle(f.Context(), "r"+f.salt, "2"+f.salt))
		f.ok(f.Touch(f.Context(), "r"+f.salt, "3"+f.salt))
		f.ok(f.MarkIdle(f.Context(), "nowhere"+f.salt, "1"+f.salt))
		f.quiet("what is unknown, and what was idle")
		f.leave("r", "1") // the other tab is idle, and stays
		f.toldStatus(presence.Idle)
		f.leave("r", "2")
		f.equal("in the grace period as before", f.people("r")[0].Status, presence.Idle)
		f.join("s", "1", "ana")
		f.equal("the best of all rooms", f.status("ana").Status, presence.Online)
	}
}

func testFollow(f *fixture) {
	var mu sync.Mutex
	told := map[string]presence.UserStatus{}
	list := f.WatchStatus(func(news map[string]presence.UserStatus) {
		mu.Lock()
		defer mu.Unlock()
		for id, seen := range news {
			told[id[:len(id)-len(f.salt)]] = seen
		}
	})
	are := func(want map[string]presence.UserStatus) {
		f.Helper()
		if f.Exact {
			f.Advance(time.Second)
		}
		f.eventually(fmt.Sprintf("told are %v", want), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return cmp.Diff(told, want) == ""
		})
	}
	f.join("r", "1", "ana")
	list.Add("ana"+f.salt, "ben"+f.salt)
	want := map[string]presence.UserStatus{"ana": {Status: presence.Online, Devices: 1}, "ben": {Status: presence.Offline}}
	are(want)
	f.join("s", "2", "ben")
	f.join("s", "3", "cleo") // whom nobody follows
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	are(want)
	f.ok(f.MarkIdle(f.Context(), "s"+f.salt, "2"+f.salt))
	want["ben"] = presence.UserStatus{Status: presence.Idle, Devices: 1}
	are(want)
	f.join("r", "2", "ben")
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	are(want)
	f.leave("s", "2")
	f.leave("r", "2") // in the grace period
	want["ben"] = presence.UserStatus{Status: presence.Online}
	are(want)
	list.Remove("ben" + f.salt)
	f.join("r", "2", "ben")
	f.join("r", "4", "ana")
	want["ana"] = presence.UserStatus{Status: presence.Online, Devices: 2}
	are(want)
	list.Add("ben" + f.salt)
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	are(want)
	if f.Exact {
		f.leave("r", "2")
		f.Advance(f.Grace)
		f.Advance(time.Second)
		mu.Lock()
		ben := told["ben"]
		mu.Unlock()
		if ben.Status != presence.Offline || ben.LastSeen == nil {
			f.Errorf("gone, and told is %+v", ben)
		}
		want["ben"] = ben
	}
	list.Stop()
	list.Add("cleo" + f.salt)
	f.leave("r", "1")
	are(want)
}

// toldStatus takes the next diff, which tells of one person, that they are so now.
func (f *fixture) toldStatus(want presence.Status) {
	f.Helper()
	f.eventually("another diff is told", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.diffs) > 0
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.diffs[0]
	f.diffs = f.diffs[1:]
	if len(d.Joins) != 1 || d.Joins[0].Status != want {
		f.Fatalf("told %+v, want somebody who is %s", d, want)
	}
}

func testRooms(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.leave("r", "1")
	f.Advance(2 * f.Grace)
	f.eventually("r is empty", func() bool { return len(f.people("r")) == 0 })
	f.equal("s", ids(f.people("s")), []string{"ana" + f.salt})
	f.equal("here", f.here("s", "ana"), true)
}

func testStatus(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.join("s", "2", "ana")
	f.equal("online", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 2})
	f.leave("s", "2")
	f.leave("r", "1")
	f.equal("one device", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 1})
	left := time.Now()
	f.leave("s", "1")
	f.Advance(2 * f.Grace)
	f.eventually("ana is offline", func() bool { return f.status("ana").Status == presence.Offline })
	seen := f.status("ana")
	f.equal("offline", seen.Status, presence.Offline)
	f.equal("devices", seen.Devices, 0)
	if seen.LastSeen == nil {
		f.Fatal("no last seen")
	}
	at := *seen.LastSeen
	if !at.Equal(at.Truncate(time.Minute)) || at.Before(left.Add(-time.Minute)) || at.After(time.Now()) {
		f.Errorf("last seen %v, want the minute of %v", at, left)
	}
	f.join("r", "3", "ana")
	f.equal("back", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 1})
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
	f.eventually("all are gone", func() bool { return len(f.people("r")) == 0 })
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
	f.eventually("both watchers are called", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return calls == 1
	})
	stop()
	stop()
	f.join("r", "2", "ben")
	f.equal("the other watcher", len(f.newsOf(2)), 2)
	mu.Lock()
	f.equal("calls", calls, 1)
	mu.Unlock()
}

func testClose(f *fixture) {
	f.join("r", "1", "ana")
	f.leave("r", "1")
	f.newsOf(1)
	f.ok(f.Close())
	f.Advance(2 * f.Grace)
	f.quiet("after Close")
	if _, err := f.Join(f.Context(), f.member("r", "1", "ana")); err == nil {
		f.Error("Join after Close succeeded")
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
				_, err2 := f.IsPresent(f.Context(), "r"+f.salt, user+f.salt)
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
	f.eventually("all are gone", func() bool { return len(f.people("r")) == 0 })
	here := map[string]bool{}
	f.eventually("nobody is here by the diffs", func() bool {
		for _, d := range f.taken() {
			for _, id := range d.Leaves {
				delete(here, id)
			}
			for _, p := range d.Joins {
				here[p.ID] = true
			}
		}
		return len(here) == 0
	})
}
