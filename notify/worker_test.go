package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weft/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox is the Inbox of these tests, and no more than they need.
type inbox struct {
	notify.Inbox

	mu      sync.Mutex
	rows    map[string]*notify.Notification
	subs    []notify.Subscription
	jobs    map[int64]notify.Job
	last    int64
	pruned  []string
	broken  error         // what every method answers
	reads   int           // of DueJobs
	slow    time.Duration // from reading the due jobs until DueJobs returns them
	retries []time.Duration
}

func newInbox(subs ...notify.Subscription) *inbox {
	return &inbox{rows: map[string]*notify.Notification{}, jobs: map[int64]notify.Job{}, subs: subs}
}

func (b *inbox) Add(_ context.Context, n notify.Notification, push notify.Push) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows[n.ID] != nil || b.broken != nil {
		return false, b.broken
	}
	b.rows[n.ID] = &n
	for _, sub := range b.subs {
		if push.Wanted && sub.User == n.User {
			b.last++
			b.jobs[b.last] = notify.Job{ID: b.last, Notification: n, Subscription: sub, NextAt: push.At}
		}
	}
	return true, nil
}

func (b *inbox) MarkRead(_ context.Context, _, id string, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[id].ReadAt = &at
	maps.DeleteFunc(b.jobs, func(_ int64, j notify.Job) bool { return j.Notification.ID == id })
	return nil
}

// sorted is what waits, of each subscription and room together.
func (b *inbox) sorted() (jobs []notify.Job) {
	for _, id := range slices.Sorted(maps.Keys(b.jobs)) {
		j := b.jobs[id]
		j.Notification, j.Count = *b.rows[j.Notification.ID], 1
		i := slices.IndexFunc(jobs, func(o notify.Job) bool { return together(o, j) })
		if i < 0 {
			jobs = append(jobs, j)
			continue
		}
		j.Count += jobs[i].Count
		j.Attempt = max(j.Attempt, jobs[i].Attempt)
		if jobs[i].NextAt.Before(j.NextAt) {
			j.NextAt = jobs[i].NextAt
		}
		jobs[i] = j
	}
	slices.SortStableFunc(jobs, func(x, y notify.Job) int { return x.NextAt.Compare(y.NextAt) })
	return jobs
}

func together(a, b notify.Job) bool {
	return a.Subscription.ID == b.Subscription.ID && a.Notification.Room == b.Notification.Room
}

// taken are the jobs that one stands for.
func (b *inbox) taken(id int64) (ids []int64) {
	job, ok := b.jobs[id]
	for other, j := range b.jobs {
		if ok && other <= id && together(job, j) {
			ids = append(ids, other)
		}
	}
	return ids
}

func (b *inbox) DueJobs(_ context.Context, now time.Time, limit int) ([]notify.Job, error) {
	b.mu.Lock()
	b.reads++
	due := slices.DeleteFunc(b.sorted(), func(j notify.Job) bool { return j.NextAt.After(now) })
	slow, broken := b.slow, b.broken
	b.mu.Unlock()
	time.Sleep(slow)
	return due[:min(limit, len(due))], broken
}

func (b *inbox) NextJob(context.Context) (time.Time, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if jobs := b.sorted(); len(jobs) > 0 {
		return jobs[0].NextAt, true, b.broken
	}
	return time.Time{}, false, b.broken
}

func (b *inbox) FinishJob(_ context.Context, id int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		for _, id := range b.taken(id) {
			delete(b.jobs, id)
		}
	}
	return b.broken
}

func (b *inbox) Withdraw(context.Context, string, string) error { return nil }

func (b *inbox) RetryJob(_ context.Context, id int64, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.taken(id) {
		j := b.jobs[id]
		j.Attempt++
		j.NextAt = at
		b.jobs[id] = j
	}
	b.retries = append(b.retries, time.Until(at))
	return b.broken
}

func (b *inbox) HoldJob(_ context.Context, id int64, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.taken(id) {
		j := b.jobs[id]
		j.NextAt = at
		b.jobs[id] = j
	}
	return b.broken
}

func (b *inbox) Prune(_ context.Context, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pruned = append(b.pruned, id)
	for n, j := range b.jobs {
		if j.Subscription.ID == id {
			delete(b.jobs, n)
		}
	}
	return b.broken
}

func (b *inbox) setBroken(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func (b *inbox) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.jobs)
}

// sender answers as told and notes when it was asked.
type sender struct {
	mu     sync.Mutex
	answer func(ctx context.Context, sub notify.Subscription) notify.Result
	sent   []time.Time
	told   []string // what was sent and how many it stood for: "id×2"
	now    int      // sends under way
	most   int
}

func (s *sender) Send(ctx context.Context, sub notify.Subscription, n notify.Notification, count int) (notify.Result, error) {
	s.mu.Lock()
	s.sent = append(s.sent, time.Now())
	s.told = append(s.told, fmt.Sprintf("%s×%d", n.ID, count))
	s.now++
	s.most = max(s.most, s.now)
	answer := s.answer
	s.mu.Unlock()
	r := notify.Result{Status: 201}
	if answer != nil {
		r = answer(ctx, sub)
	}
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	return r, nil
}

// take returns what was told and when, and forgets it.
func (s *sender) take() (told []string, sent []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told, sent = s.told, s.sent
	s.told, s.sent = nil, nil
	return told, sent
}

func (s *sender) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

type world struct {
	*testing.T
	*notify.Worker
	inbox  *inbox
	sender *sender
	mu     sync.Mutex
	live   []string
	ahead  time.Duration // of the worker's clock
	here   bool
	hits   map[string]int // of limits
	log    strings.Builder
	stop   func()
}

// run starts a worker in a bubble with one subscription of ben's. Nothing limits it.
func run(t *testing.T, test func(w *world)) { runLimited(t, notify.Limits{}, test) }

func runLimited(t *testing.T, limits notify.Limits, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, inbox: newInbox(notify.Subscription{ID: "s1", User: "ben"}), sender: &sender{}, hits: map[string]int{}}
		w.Worker = notify.NewWorker(notify.Config{
			Inbox:  w.inbox,
			Sender: w.sender,
			Limits: limits,
			Now: func() time.Time {
				w.mu.Lock()
				defer w.mu.Unlock()
				return time.Now().Add(w.ahead)
			},
			Here: func(context.Context, string, string) (bool, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.here, nil
			},
			Deliver: func(n notify.Notification) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.live = append(w.live, n.ID)
			},
			Hit: func(limit string) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.hits[limit]++
			},
			Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelError})),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Worker.Run(ctx) }()
		w.stop = func() {
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			w.stop = func() {}
		}
		test(w)
		w.stop()
	})
}

func mention(id string) notify.Notification {
	return notify.Notification{
		ID: id, User: "ben", Kind: "mention", Room: "r", Title: "Ana mentioned you",
		URL: "/s/r", Actor: notify.Actor{ID: "ana", Name: "Ana"},
	}
}

func mentionIn(room, id string) notify.Notification {
	n := mention(id)
	n.Room = room
	return n
}

func (w *world) notify(n notify.Notification) {
	w.Helper()
	if err := w.Notify(w.Context(), n); err != nil {
		w.Fatal(err)
	}
}

func (w *world) expect(sends, jobs int) {
	w.Helper()
	synctest.Wait()
	if w.sender.times() != sends || w.inbox.left() != jobs {
		w.Errorf("%d sends, %d jobs left; want %d and %d", w.sender.times(), w.inbox.left(), sends, jobs)
	}
}

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
			notify.Decision{Trace: []notify.Step{{Rule: "self", Says: "drop"}}}},
		{"self and here", notify.Facts{Notification: self, Here: true},
			notify.Decision{Trace: []notify.Step{{Rule: "self", Says: "drop"}}}},
		{"here", notify.Facts{Notification: n, Here: true, Now: now},
			notify.Decision{Inbox: true, Trace: []notify.Step{{Rule: "self", Says: "pass"}, {Rule: "here", Says: "inbox"}}}},
		{"away", notify.Facts{Notification: n, Now: now, Delay: time.Second},
			notify.Decision{Inbox: true, Push: notify.Push{Wanted: true, At: now.Add(time.Second)},
				Trace: []notify.Step{{Rule: "self", Says: "pass"}, {Rule: "here", Says: "pass"}, {Rule: "away", Says: "push"}}}},
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
		w.notify(mention("1")) // again: nothing
		time.Sleep(time.Hour)
		w.expect(1, 0)
		if !slices.Equal(w.live, []string{"1"}) {
			w.Errorf("delivered live: %v", w.live)
		}
		if w.inbox.reads > 10 {
			w.Errorf("an idle hour cost %d looks", w.inbox.reads)
		}
	})
}

func TestReadOrHereDropsThePush(t *testing.T) {
	run(t, func(w *world) {
		w.notify(mention("1"))
		time.Sleep(time.Second)
		w.inbox.MarkRead(w.Context(), "ben", "1", time.Now())
		time.Sleep(time.Minute)
		w.expect(0, 0)

		w.notify(mention("2"))
		time.Sleep(time.Second)
		w.mu.Lock()
		w.here = true
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.expect(0, 0)

		w.notify(mention("3"))
		w.expect(0, 0)
		own := mention("4")
		own.Actor.ID = "ben"
		w.notify(own)
		if !slices.Equal(w.live, []string{"1", "2", "3"}) {
			w.Errorf("delivered live: %v", w.live)
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
			if w.inbox.left() != 0 || len(sent) < 48 || len(sent) > 130 {
				w.Errorf("%d sends, %d jobs left", len(sent), w.inbox.left())
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

func TestSendsAreBoundedAndOneSlowHidesNothing(t *testing.T) {
	run(t, func(w *world) {
		for i := range 30 {
			w.inbox.subs = append(w.inbox.subs, notify.Subscription{ID: strings.Repeat("x", i+2), User: "ben"})
		}
		w.sender.answer = func(ctx context.Context, sub notify.Subscription) notify.Result {
			if sub.ID == "s1" { // one service hangs until its time-out
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

// A send that ends while the due jobs are being read is still in the list.
func TestSendEndingDuringTheReadIsNotRepeated(t *testing.T) {
	run(t, func(w *world) {
		w.inbox.mu.Lock() // Run has its first look
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
			w.Error("Notify hid the error")
		}
		w.inbox.setBroken(nil)
		time.Sleep(time.Minute)
		w.expect(1, 0) // recorded late, not sent twice
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
			t.Errorf("%s: accepted", name)
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
			w.Errorf("%d delivered live", len(w.live))
		}
	})
}
