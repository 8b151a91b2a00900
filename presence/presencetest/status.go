package presencetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/presence"
)

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
	f.join("s", "3", "cleo") // cleo is not in the list
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
