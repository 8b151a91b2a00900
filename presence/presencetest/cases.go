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
	f.equal("diffs", f.waitForDiffs(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	q := f.join("r", "2", "ben")
	f.equal("people", f.people("r"), []presence.Person{p, q})
	n, err := f.Count(f.Context(), "r"+f.salt)
	f.ok(err)
	f.equal("count", n, 2)
	f.equal("IsPresent", f.isPresent("r", "ana"), true)
	f.equal("IsPresent of an unknown person", f.isPresent("r", "cleo"), false)
}

func testTabs(f *fixture) {
	f.join("r", "1", "ana")
	f.waitForDiffs(1)
	p := f.join("r", "2", "ana")
	f.equal("devices", p.Devices, 2)
	f.equal("one person", f.people("r"), []presence.Person{p})
	f.equal("diff of a change", f.waitForDiffs(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
	f.leave("r", "1")
	f.equal("IsPresent with one tab left", f.isPresent("r", "ana"), true)
	f.Advance(2 * f.Grace)
	diffs := f.waitForDiffs(1)
	if len(diffs) != 1 || len(diffs[0].Joins) != 1 || diffs[0].Joins[0].Devices != 1 || len(diffs[0].Leaves) != 0 {
		f.Errorf("closing one of two tabs published %+v, want one join with one device", diffs)
	}
}

func testReload(f *fixture) {
	p := f.join("r", "1", "ana")
	f.waitForDiffs(1)
	f.leave("r", "1")
	f.equal("IsPresent during the grace period", f.isPresent("r", "ana"), false)
	inGrace := p
	inGrace.Devices = 0
	f.equal("people during the grace period", f.people("r"), []presence.Person{inGrace})
	f.equal("status during the grace period", f.status("ana"), presence.UserStatus{Status: presence.Online})
	if f.Exact {
		f.Advance(f.Grace / 2)
		f.noDiffs("half a grace period after leaving")
	}
	back := f.join("r", "2", "ana")
	f.equal("the person after the reload", back, p)
	if f.Exact {
		f.Advance(3 * f.Grace)
	}
	f.noDiffs("after a reload")
	f.equal("people", f.people("r"), []presence.Person{p})
}

func testLeave(f *fixture) {
	f.join("r", "1", "ana")
	f.join("r", "2", "ben")
	f.waitForDiffs(2)
	f.leave("r", "1")
	f.leave("r", "1")
	if f.Exact {
		f.Advance(f.Grace - time.Millisecond)
		f.noDiffs("just before the end of the grace period")
		f.Advance(time.Millisecond)
	} else {
		f.Advance(f.Grace)
	}
	f.equal("diffs", f.waitForDiffs(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{}, Leaves: []string{"ana" + f.salt}}})
	f.equal("people", ids(f.people("r")), []string{"ben" + f.salt})
	f.Advance(3 * f.Grace)
	f.noDiffs("long after")
}

func testReplace(f *fixture) {
	p := f.join("r", "1", "ana")
	f.waitForDiffs(1)
	f.equal("the person after joining again", f.join("r", "1", "ana"), p)
	f.noDiffs("joined again unchanged")
	m := f.member("r", "1", "ana")
	m.Name = "Ana Maria"
	_, err := f.Join(f.Context(), m)
	f.ok(err)
	p.Name = "Ana Maria"
	f.equal("people after a change of name", f.people("r"), []presence.Person{p})
	f.equal("diffs", f.waitForDiffs(1), []presence.Diff{{Room: "r" + f.salt, Joins: []presence.Person{p}, Leaves: []string{}}})
}

func testChangePerson(f *fixture) {
	f.join("r", "1", "guest")
	f.join("r", "1", "ana")
	f.equal("IsPresent of the guest", f.isPresent("r", "guest"), false)
	f.equal("IsPresent of ana", f.isPresent("r", "ana"), true)
	f.Advance(2 * f.Grace)
	f.eventually("only ana is left", func() bool { return slices.Equal(ids(f.people("r")), []string{"ana" + f.salt}) })
}

func testUnknown(f *fixture) {
	f.leave("nowhere", "1")
	f.join("r", "1", "ana")
	f.waitForDiffs(1)
	f.leave("r", "2")
	f.leave("other", "1")
	f.Advance(2 * f.Grace)
	f.noDiffs("unknown connections closed")
	f.equal("IsPresent", f.isPresent("r", "ana"), true)
	f.equal("number of people in an unknown room", len(f.people("nowhere")), 0)
	f.equal("status of an unknown person", f.status("nobody"), presence.UserStatus{Status: presence.Offline})
}

func testIdle(f *fixture) {
	f.join("r", "1", "ana")
	f.nextStatus(presence.Online)
	if f.Exact {
		f.Advance(presence.IdleAfter - time.Second)
		f.ok(f.Touch(f.Context(), "r"+f.salt, "1"+f.salt))
		f.Advance(presence.IdleAfter - time.Second)
		f.noDiffs("touched before the time was over")
		f.Advance(time.Second)
	}
	f.nextStatus(presence.Idle)
	if f.Exact {
		f.equal("status over all rooms", f.status("ana"), presence.UserStatus{Status: presence.Idle, Devices: 1})
		f.equal("status in the list", f.people("r")[0].Status, presence.Idle)
		f.Advance(presence.AwayAfter - presence.IdleAfter)
	}
	f.nextStatus(presence.Away)
	f.equal("status over all rooms", f.status("ana"), presence.UserStatus{Status: presence.Away, Devices: 1})
	f.equal("status in the list", f.people("r")[0].Status, presence.Away)

	f.join("r", "2", "ana") // the most active tab counts
	f.nextStatus(presence.Online)
	f.ok(f.MarkIdle(f.Context(), "r"+f.salt, "2"+f.salt))
	f.nextStatus(presence.Idle)
	f.ok(f.Touch(f.Context(), "r"+f.salt, "1"+f.salt))
	f.nextStatus(presence.Online)
	if f.Exact {
		f.ok(f.MarkIdle(f.Context(), "r"+f.salt, "2"+f.salt))
		f.ok(f.Touch(f.Context(), "r"+f.salt, "3"+f.salt))
		f.ok(f.MarkIdle(f.Context(), "nowhere"+f.salt, "1"+f.salt))
		f.noDiffs("an idle connection made idle, unknown ones touched")
		f.leave("r", "1") // the other tab is idle and stays open
		f.nextStatus(presence.Idle)
		f.leave("r", "2")
		f.equal("status in the grace period", f.people("r")[0].Status, presence.Idle)
		f.join("s", "1", "ana")
		f.equal("status in the room where the person is most active", f.status("ana").Status, presence.Online)
	}
}

func testWatchStatus(f *fixture) {
	var mu sync.Mutex
	reported := map[string]presence.UserStatus{}
	list := f.WatchStatus(func(changes map[string]presence.UserStatus) {
		mu.Lock()
		defer mu.Unlock()
		for id, s := range changes {
			reported[id[:len(id)-len(f.salt)]] = s
		}
	})
	eventuallyAre := func(want map[string]presence.UserStatus) {
		f.Helper()
		if f.Exact {
			f.Advance(time.Second)
		}
		f.eventually(fmt.Sprintf("reported statuses are %v", want), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return cmp.Diff(reported, want) == ""
		})
	}
	f.join("r", "1", "ana")
	list.Add("ana"+f.salt, "ben"+f.salt)
	want := map[string]presence.UserStatus{"ana": {Status: presence.Online, Devices: 1}, "ben": {Status: presence.Offline}}
	eventuallyAre(want)
	f.join("s", "2", "ben")
	f.join("s", "3", "cleo") // whom nobody watches
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	eventuallyAre(want)
	f.ok(f.MarkIdle(f.Context(), "s"+f.salt, "2"+f.salt))
	want["ben"] = presence.UserStatus{Status: presence.Idle, Devices: 1}
	eventuallyAre(want)
	f.join("r", "2", "ben")
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	eventuallyAre(want)
	f.leave("s", "2")
	f.leave("r", "2") // in the grace period
	want["ben"] = presence.UserStatus{Status: presence.Online}
	eventuallyAre(want)
	list.Remove("ben" + f.salt)
	f.join("r", "2", "ben")
	f.join("r", "4", "ana")
	want["ana"] = presence.UserStatus{Status: presence.Online, Devices: 2}
	eventuallyAre(want)
	list.Add("ben" + f.salt)
	want["ben"] = presence.UserStatus{Status: presence.Online, Devices: 1}
	eventuallyAre(want)
	if f.Exact {
		f.leave("r", "2")
		f.Advance(f.Grace)
		f.Advance(time.Second)
		mu.Lock()
		ben := reported["ben"]
		mu.Unlock()
		if ben.Status != presence.Offline || ben.LastSeen == nil {
			f.Errorf("status of ben after he left is %+v, want offline with a last seen time", ben)
		}
		want["ben"] = ben
	}
	list.Stop()
	list.Add("cleo" + f.salt)
	f.leave("r", "1")
	eventuallyAre(want)
}

// nextStatus takes the next diff, and checks that it has one person with this status.
func (f *fixture) nextStatus(want presence.Status) {
	f.Helper()
	f.eventually("another diff is published", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.diffs) > 0
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.diffs[0]
	f.diffs = f.diffs[1:]
	if len(d.Joins) != 1 || d.Joins[0].Status != want {
		f.Fatalf("published %+v, want one person who is %s", d, want)
	}
}

func testRooms(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.leave("r", "1")
	f.Advance(2 * f.Grace)
	f.eventually("r is empty", func() bool { return len(f.people("r")) == 0 })
	f.equal("people of s", ids(f.people("s")), []string{"ana" + f.salt})
	f.equal("IsPresent", f.isPresent("s", "ana"), true)
}

func testStatus(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.join("s", "2", "ana")
	f.equal("status in two rooms", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 2})
	f.leave("s", "2")
	f.leave("r", "1")
	f.equal("status with one connection left", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 1})
	left := time.Now()
	f.leave("s", "1")
	f.Advance(2 * f.Grace)
	f.eventually("ana is offline", func() bool { return f.status("ana").Status == presence.Offline })
	status := f.status("ana")
	f.equal("status", status.Status, presence.Offline)
	f.equal("devices", status.Devices, 0)
	if status.LastSeen == nil {
		f.Fatal("the status has no last seen time")
	}
	at := *status.LastSeen
	if !at.Equal(at.Truncate(time.Minute)) || at.Before(left.Add(-time.Minute)) || at.After(time.Now()) {
		f.Errorf("last seen at %v, want the whole minute of %v", at, left)
	}
	f.join("r", "3", "ana")
	f.equal("status after joining again", f.status("ana"), presence.UserStatus{Status: presence.Online, Devices: 1})
}

func testSlots(f *fixture) {
	var taken [presence.Slots]int
	for i := range presence.Slots + 6 {
		p := f.join("r", strconv.Itoa(i), "user"+strconv.Itoa(i))
		if p.Slot < 0 || p.Slot >= presence.Slots {
			f.Fatalf("slot is %d, want 0 to %d", p.Slot, presence.Slots-1)
		}
		taken[p.Slot]++
		if i < presence.Slots && taken[p.Slot] > 1 {
			f.Errorf("two of the first %d people have slot %d", i+1, p.Slot)
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
	f.eventually("everybody has left", func() bool { return len(f.people("r")) == 0 })
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
	f.eventually("the watcher is called", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return calls == 1
	})
	stop()
	stop()
	f.join("r", "2", "ben")
	f.equal("number of diffs of the other watcher", len(f.waitForDiffs(2)), 2)
	mu.Lock()
	f.equal("number of calls of the stopped watcher", calls, 1)
	mu.Unlock()
}

func testClose(f *fixture) {
	f.join("r", "1", "ana")
	f.leave("r", "1")
	f.waitForDiffs(1)
	f.ok(f.Close())
	f.Advance(2 * f.Grace)
	f.noDiffs("after Close")
	if _, err := f.Join(f.Context(), f.member("r", "1", "ana")); err == nil {
		f.Error("Join after Close returned no error")
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
				_, err4 := f.Count(f.Context(), "r"+f.salt)
				f.Watch(func(presence.Diff) {})()
				list := f.WatchStatus(func(map[string]presence.UserStatus) {})
				list.Add(user + f.salt)
				list.Remove(user + f.salt)
				list.Stop()
				err5 := f.Touch(f.Context(), "r"+f.salt, conn+f.salt)
				err6 := f.MarkIdle(f.Context(), "r"+f.salt, conn+f.salt)
				err7 := f.Leave(f.Context(), "r"+f.salt, conn+f.salt)
				for _, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
					if err != nil {
						f.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	f.Advance(2 * f.Grace)
	f.eventually("everybody has left", func() bool { return len(f.people("r")) == 0 })
	present := map[string]bool{}
	f.eventually("nobody is in the room by the diffs", func() bool {
		for _, d := range f.taken() {
			for _, id := range d.Leaves {
				delete(present, id)
			}
			for _, p := range d.Joins {
				present[p.ID] = true
			}
		}
		return len(present) == 0
	})
}
