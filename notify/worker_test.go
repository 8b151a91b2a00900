package notify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/notify"
)

func TestRules(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	n := mention("1")
	self := n
	self.Actor.ID = "ben"
	for _, c := range []struct {
		name  string
		facts notify.Facts
		want  notify.Decision
	}{
		{"self", notify.Facts{Notification: self, Now: now, Delay: time.Second},
			notify.Decision{Trace: []notify.Step{{Rule: "self", Verdict: "drop"}}}},
		{"self and present", notify.Facts{Notification: self, Present: true},
			notify.Decision{Trace: []notify.Step{{Rule: "self", Verdict: "drop"}}}},
		{"present", notify.Facts{Notification: n, Present: true, Now: now},
			notify.Decision{Inbox: true, Trace: []notify.Step{{Rule: "self", Verdict: "pass"}, {Rule: "here", Verdict: "inbox"}}}},
		{"away", notify.Facts{Notification: n, Now: now, Delay: time.Second},
			notify.Decision{Inbox: true, Push: notify.Push{Wanted: true, At: now.Add(time.Second)},
				Trace: []notify.Step{{Rule: "self", Verdict: "pass"}, {Rule: "here", Verdict: "pass"}, {Rule: "away", Verdict: "push"}}}},
	} {
		if diff := cmp.Diff(c.want, notify.Decide(c.facts)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestIDs(t *testing.T) {
	id := notify.NotificationID("mention:1", "ben")
	if len(id) != 32 || id != notify.NotificationID("mention:1", "ben") {
		t.Errorf("id %q", id)
	}
	if id == notify.NotificationID("mention:1b", "en") || id == notify.NotificationID("mention:", "1ben") {
		t.Error("two causes share an id")
	}
}

func TestPushAfterTheDelay(t *testing.T) {
	run(t, func(w *world) {
		start := time.Now()
		w.notify(mention("1"))
		time.Sleep(notify.DefaultDelay - time.Millisecond)
		w.expect(0, 1)
		time.Sleep(time.Millisecond)
		w.expect(1, 0)
		if at := w.sender.sent[0].Sub(start); at > notify.DefaultDelay+time.Millisecond {
			w.Errorf("sent after %v", at)
		}
		w.notify(mention("1")) // the same id changes nothing
		time.Sleep(time.Hour)
		w.expect(1, 0)
		if !slices.Equal(w.live, []string{"1"}) {
			w.Errorf("shown on open pages: %v", w.live)
		}
		if w.inbox.reads > 10 {
			w.Errorf("the queue was read %d times in an idle hour, want 10 at most", w.inbox.reads)
		}
	})
}

func TestReadNotificationOrPresentPersonDropsThePush(t *testing.T) {
	run(t, func(w *world) {
		w.notify(mention("1"))
		time.Sleep(time.Second)
		w.inbox.MarkRead(w.Context(), "ben", "1", time.Now())
		time.Sleep(time.Minute)
		w.expect(0, 0)

		w.notify(mention("2"))
		time.Sleep(time.Second)
		w.mu.Lock()
		w.present = true
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.expect(0, 0)

		w.notify(mention("3"))
		w.expect(0, 0)
		own := mention("4")
		own.Actor.ID = "ben"
		w.notify(own)
		if !slices.Equal(w.live, []string{"1", "2", "3"}) {
			w.Errorf("shown on open pages: %v", w.live)
		}
	})
}

func TestOutcomes(t *testing.T) {
	answer := func(r notify.Result) func(context.Context, notify.Subscription) notify.Result {
		return func(context.Context, notify.Subscription) notify.Result { return r }
	}
	t.Run("gone", func(t *testing.T) {
		run(t, func(w *world) {
			w.sender.answer = answer(notify.Result{Outcome: notify.Gone, Status: 410})
			w.notify(mention("1"))
			w.notify(mention("2"))
			time.Sleep(time.Minute)
			w.expect(w.sender.times(), 0)
			if w.inbox.pruned[0] != "s1" || w.log.Len() > 0 {
				w.Errorf("pruned %v, logged %s", w.inbox.pruned, w.log.String())
			}
		})
	})
	t.Run("refused", func(t *testing.T) {
		run(t, func(w *world) {
			w.sender.answer = answer(notify.Result{Outcome: notify.Refused, Status: 403})
			w.notify(mention("1"))
			time.Sleep(time.Hour)
			w.expect(1, 0)
			if len(w.inbox.pruned) > 0 || !strings.Contains(w.log.String(), "status=403") {
				w.Errorf("pruned %v, logged %s", w.inbox.pruned, w.log.String())
			}
		})
	})
	t.Run("retry until a day old", func(t *testing.T) {
		run(t, func(w *world) {
			w.sender.answer = answer(notify.Result{Outcome: notify.Retry, Status: 500})
			w.notify(mention("1"))
			time.Sleep(30 * time.Hour)
			synctest.Wait()
			sent := w.sender.sent
			if w.inbox.jobCount() != 0 || len(sent) < 48 || len(sent) > 130 {
				w.Errorf("%d sends, %d jobs left", len(sent), w.inbox.jobCount())
			}
			if last := sent[len(sent)-1].Sub(sent[0]); last > 24*time.Hour || last < 23*time.Hour {
				w.Errorf("the last send was after %v", last)
			}
			for i, wait := range w.inbox.retries {
				full := min(30*time.Minute, 5*time.Second<<min(i, 20))
				if wait < full/2 || wait > full {
					w.Errorf("wait %d was %v, want %v to %v", i, wait, full/2, full)
				}
			}
		})
	})
	t.Run("retry when asked", func(t *testing.T) {
		run(t, func(w *world) {
			w.sender.answer = answer(notify.Result{Outcome: notify.Retry, Status: 429, RetryAfter: time.Hour})
			w.notify(mention("1"))
			time.Sleep(notify.DefaultDelay + time.Hour - time.Second)
			w.expect(1, 1)
			time.Sleep(7 * time.Minute)
			w.expect(2, 1)
		})
	})
}

func TestSendsAreBoundedAndASlowServiceDelaysNoOther(t *testing.T) {
	run(t, func(w *world) {
		for i := range 30 {
			w.inbox.subs = append(w.inbox.subs, notify.Subscription{ID: strings.Repeat("x", i+2), User: "ben"})
		}
		w.sender.answer = func(ctx context.Context, sub notify.Subscription) notify.Result {
			if sub.ID == "s1" { // one push service does not answer before its timeout
				time.Sleep(time.Minute)
			} else {
				time.Sleep(100 * time.Millisecond)
			}
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(2 * time.Second)
		w.inbox.subs = w.inbox.subs[1:2]
		w.notify(mentionIn("s", "2"))
		time.Sleep(notify.DefaultDelay + 2*time.Second)
		w.expect(32, 1)
		if w.sender.most != 8 {
			w.Errorf("%d sends at once", w.sender.most)
		}
		time.Sleep(time.Minute)
		w.expect(32, 0)
	})
}

// TestSendEndingDuringTheReadIsNotRepeated: the list that was read still has its job.
func TestSendEndingDuringTheReadIsNotRepeated(t *testing.T) {
	run(t, func(w *world) {
		w.inbox.mu.Lock() // Run has read the queue once
		w.inbox.slow = 3 * time.Second
		w.inbox.mu.Unlock()
		w.sender.answer = func(context.Context, notify.Subscription) notify.Result {
			time.Sleep(2500 * time.Millisecond)
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(time.Second)
		w.notify(mentionIn("s", "2"))
		time.Sleep(time.Minute)
		w.expect(2, 0)
	})
}

func TestBrokenInboxIsRetried(t *testing.T) {
	run(t, func(w *world) {
		w.sender.answer = func(context.Context, notify.Subscription) notify.Result {
			w.inbox.setBroken(errors.New("disk full"))
			return notify.Result{}
		}
		w.notify(mention("1"))
		time.Sleep(time.Minute)
		if err := w.Notify(w.Context(), mention("2")); err == nil {
			w.Error("Notify returned no error though the inbox failed")
		}
		w.inbox.setBroken(nil)
		time.Sleep(time.Minute)
		w.expect(1, 0) // recorded late and not sent again
	})
}

func TestShutdownKeepsTheJob(t *testing.T) {
	run(t, func(w *world) {
		w.sender.answer = func(ctx context.Context, _ notify.Subscription) notify.Result {
			<-ctx.Done()
			return notify.Result{Outcome: notify.Retry}
		}
		w.notify(mention("1"))
		time.Sleep(notify.DefaultDelay * 2)
		w.stop()
		w.expect(1, 1)
		if len(w.inbox.retries) > 0 {
			w.Error("the shutdown counted as a failed send")
		}
	})
}

func TestNotifyRefuses(t *testing.T) {
	w := notify.NewWorker(notify.Config{Inbox: newInbox()})
	for name, change := range map[string]func(*notify.Notification){
		"no id":       func(n *notify.Notification) { n.ID = "" },
		"no user":     func(n *notify.Notification) { n.User = "" },
		"no kind":     func(n *notify.Notification) { n.Kind = "" },
		"no url":      func(n *notify.Notification) { n.URL = "" },
		"other host":  func(n *notify.Notification) { n.URL = "//evil.example" },
		"backslash":   func(n *notify.Notification) { n.URL = `/\evil.example` },
		"with scheme": func(n *notify.Notification) { n.URL = "https://evil.example" },
	} {
		n := mention("1")
		change(&n)
		if err := w.Notify(t.Context(), n); err == nil {
			t.Errorf("%s: Notify returned no error", name)
		}
	}
}

func TestWorkerManyCallers(t *testing.T) {
	run(t, func(w *world) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for i := range 50 {
					id := string(rune('a' + i))
					if err := w.Notify(w.Context(), mentionIn(id, id)); err != nil {
						w.Error(err)
					}
				}
			})
		}
		group.Wait()
		time.Sleep(time.Minute)
		w.expect(50, 0)
		if len(w.live) != 50 {
			w.Errorf("%d notifications on open pages, want 50", len(w.live))
		}
	})
}
