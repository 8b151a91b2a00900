package notify_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weft/notify"
)

const ms = time.Millisecond

// expectRings checks which pushes were sent since the last check, and how long after
// start: "id×count at time".
func (w *world) expectRings(start time.Time, want ...string) {
	w.Helper()
	synctest.Wait()
	got := []string{}
	told, sent := w.sender.take()
	for i := range told {
		got = append(got, fmt.Sprintf("%s at %v", told[i], sent[i].Sub(start)))
	}
	if !slices.Equal(got, want) {
		w.Errorf("pushes %q, want %q", got, want)
	}
}

func TestRoomRingsOncePerInterval(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		start := time.Now()
		w.notify(mention("1"))
		time.Sleep(6 * time.Second) // pushed at 5 s
		for i := 2; i < 5; i++ {
			w.notify(mention(fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		w.notify(mentionIn("elsewhere", "e")) // the interval is per room
		time.Sleep(time.Until(start.Add(35*time.Second - ms)))
		w.expectRings(start, "1×1 at 5s", "e×1 at 14s")
		time.Sleep(ms)
		w.expectRings(start, "4×3 at 35s")
		time.Sleep(time.Hour)
		w.expect(0, 0)
		if !slices.Equal(w.live, []string{"1", "2", "3", "4", "e"}) {
			w.Errorf("delivered live: %v", w.live)
		}
		if !maps.Equal(w.limited, map[string]int{"push-every": 3}) {
			w.Errorf("limits reached: %v", w.limited)
		}
	})
}

// TestRoomRingsAgainAtTheLimit: a notification before the first push is part of it. A
// notification at the end of the interval is pushed after the delay like a first one,
// and so is one that comes a moment sooner.
func TestRoomRingsAgainAtTheLimit(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		start := time.Now()
		w.notify(mention("1"))
		time.Sleep(5*time.Second - ms)
		w.notify(mention("2"))
		time.Sleep(25 * time.Second) // at 30 s - 1 ms
		w.notify(mention("3"))       // due a moment before 35 s
		time.Sleep(10 * time.Second)
		w.expectRings(start, "2×2 at 5s", "3×1 at 35s")
		time.Sleep(20*time.Second + ms) // at 60 s
		w.notify(mention("4"))
		time.Sleep(time.Minute)
		w.expectRings(start, "4×1 at 1m5s")
	})
}

func TestReadNotificationOrPresentPersonDropsTheDelayedPush(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		start := time.Now()
		w.notify(mention("1"))
		time.Sleep(10 * time.Second)
		w.notify(mention("2"))
		w.notify(mention("3"))
		w.inbox.MarkRead(w.Context(), "ben", "3", time.Now())
		time.Sleep(30 * time.Second)
		w.expectRings(start, "1×1 at 5s", "2×1 at 35s")
		w.notify(mention("4"))
		w.notify(mention("5"))
		w.mu.Lock()
		w.present = true
		w.mu.Unlock()
		time.Sleep(time.Hour)
		w.expect(0, 0)
	})
}

func TestSeveralDevicesAreOneRing(t *testing.T) {
	runLimited(t, notify.Limits{Every: 30 * time.Second, Hourly: 2}, func(w *world) {
		for i := range 20 {
			w.inbox.subs = append(w.inbox.subs, notify.Subscription{ID: fmt.Sprint("more ", i), User: "ben"})
		}
		w.sender.answer = func(context.Context, notify.Subscription) notify.Result {
			time.Sleep(time.Second)
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(10 * time.Second)
		w.expect(21, 0)
		w.notify(mention("2"))
		time.Sleep(30 * time.Second)
		w.expect(42, 0)
		w.notify(mention("3")) // the third in an hour
		time.Sleep(58 * time.Minute)
		w.expect(42, 21)
		time.Sleep(2 * time.Minute)
		w.expect(63, 0)
	})
}

// TestFailedSendsAreNotCounted: a failed send is retried with the usual back-off and
// uses up none of the limits.
func TestFailedSendsAreNotCounted(t *testing.T) {
	runLimited(t, notify.Limits{Every: 30 * time.Second, Hourly: 1}, func(w *world) {
		start := time.Now()
		w.sender.answer = func(context.Context, notify.Subscription) notify.Result {
			if time.Since(start) < 2*time.Minute {
				return notify.Result{Outcome: notify.Retry}
			}
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(30 * time.Second)
		w.notify(mention("2"))
		time.Sleep(10 * time.Minute)
		w.expect(w.sender.times(), 0)
		told, _ := w.sender.take()
		if n := len(told); n < 4 || told[0] != "1×1" || told[n-1] != "2×2" || len(w.inbox.retries) != n-1 {
			w.Errorf("pushes %v with %d retries", told, len(w.inbox.retries))
		}
		w.notify(mentionIn("elsewhere", "e"))
		time.Sleep(30 * time.Minute)
		w.expect(0, 1)
	})
}

// TestHourlyLimit: 60 rooms ring. Each further ring waits until one of them is an hour old.
func TestHourlyLimit(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		start := time.Now()
		for i := range 60 {
			w.notify(mentionIn(fmt.Sprint("room ", i), fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		w.expect(60, 0)
		w.sender.take()
		w.notify(mentionIn("x", "x1"))
		w.notify(mentionIn("y", "y1"))
		time.Sleep(20 * time.Minute)
		w.notify(mentionIn("x", "x2"))
		other := mentionIn("x", "x for cid")
		other.User = "cid"
		w.inbox.mu.Lock()
		w.inbox.subs = append(w.inbox.subs, notify.Subscription{ID: "cid's", User: "cid"})
		w.inbox.mu.Unlock()
		w.notify(other)
		time.Sleep(time.Minute)
		w.expectRings(start, "x for cid×1 at 21m15s")
		time.Sleep(time.Until(start.Add(time.Hour + 5*time.Second - ms)))
		w.expect(0, 3)
		time.Sleep(ms)
		w.expectRings(start, "x2×2 at 1h0m5s")
		time.Sleep(time.Hour)
		w.expectRings(start, "y1×1 at 1h0m6s")
		if len(w.live) != 64 {
			w.Errorf("%d notifications on open pages, want 64", len(w.live))
		}
		// Once each for x1, y1 and x2 when they were added, and for y1 again after x2.
		if !maps.Equal(w.limited, map[string]int{"pushes": 4}) {
			w.Errorf("limits reached: %v", w.limited)
		}
	})
}

func TestDelayedPushesAreDroppedAfterADay(t *testing.T) {
	runLimited(t, notify.Limits{Hourly: 1}, func(w *world) {
		for i := range 40 { // more than a day allows
			w.notify(mentionIn(fmt.Sprint(i), fmt.Sprint(i)))
		}
		time.Sleep(24 * time.Hour)
		w.expect(24, 16)
		time.Sleep(time.Hour)
		w.expect(24, 0)
	})
}

// TestHourlyLimitOverADay: any 60 minutes have at most 60 rings, and the limit does not
// drift below 60 an hour under steady load.
func TestHourlyLimitOverADay(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		for i := range 24 * 180 { // every 20 s, in one of 5 rooms
			w.notify(mentionIn(fmt.Sprint(i%5), fmt.Sprint(i)))
			time.Sleep(20 * time.Second)
		}
		_, sent := w.sender.take()
		for i := range sent {
			if i >= 60 && sent[i].Sub(sent[i-60]) < time.Hour {
				w.Fatalf("61 pushes within %v", sent[i].Sub(sent[i-60]))
			}
		}
		if len(sent) < 24*60-60 || len(sent) > 24*60 {
			w.Errorf("%d pushes in a day, want %d to %d", len(sent), 24*60-60, 24*60)
		}
	})
}

// TestClockSetBack: a clock that is set back by two days does not silence a person.
func TestClockSetBack(t *testing.T) {
	runLimited(t, notify.Limits{Every: 30 * time.Second, Hourly: 1}, func(w *world) {
		w.mu.Lock()
		w.ahead = 48 * time.Hour
		w.mu.Unlock()
		w.notify(mention("1"))
		time.Sleep(10 * time.Second)
		w.mu.Lock()
		w.ahead = 0
		w.mu.Unlock()
		w.notify(mention("2"))
		time.Sleep(10 * time.Second)
		w.expect(2, 0)
		w.notify(mention("3"))
		time.Sleep(30 * time.Minute)
		w.expect(2, 1)
	})
}

// TestLateDevice: a device whose push succeeded late waits a full interval from then.
func TestLateDevice(t *testing.T) {
	runLimited(t, notify.DefaultLimits(), func(w *world) {
		w.inbox.subs = append(w.inbox.subs, notify.Subscription{ID: "flaky", User: "ben"})
		start := time.Now()
		w.sender.answer = func(_ context.Context, sub notify.Subscription) notify.Result {
			if sub.ID == "flaky" && time.Since(start) < 10*time.Second {
				return notify.Result{Outcome: notify.Retry, RetryAfter: 25 * time.Second}
			}
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(20 * time.Second)
		told, _ := w.sender.take()
		if !slices.Equal(told, []string{"1×1", "1×1"}) {
			w.Errorf("pushes %q, want one to each device", told)
		}
		time.Sleep(13 * time.Second) // at 33 s the flaky device has its push
		w.sender.take()
		w.notify(mention("2"))
		time.Sleep(21 * time.Second)
		_, first := w.sender.take()
		time.Sleep(time.Minute)
		_, late := w.sender.take()
		if len(first) != 1 || len(late) != 1 || late[0].Sub(start) < time.Minute {
			w.Errorf("pushed at %v and %v, start was %v", first, late, start)
		}
	})
}
