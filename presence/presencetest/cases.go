package presencetest

import (
	"slices"
	"strconv"
	"sync"
	"time"

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

func testRooms(f *fixture) {
	f.join("r", "1", "ana")
	f.join("s", "1", "ana")
	f.leave("r", "1")
	f.Advance(2 * f.Grace)
	f.eventually("r is empty", func() bool { return len(f.people("r")) == 0 })
	f.equal("people of s", ids(f.people("s")), []string{"ana" + f.salt})
	f.equal("IsPresent", f.isPresent("s", "ana"), true)
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
