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

	"go.uber.org/goleak"

	"weft/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox is an Inbox in memory with the methods that the worker calls.
type inbox struct {
	notify.Inbox

	mu      sync.Mutex
	rows    map[string]*notify.Notification
	subs    []notify.Subscription
	jobs    map[int64]notify.Job
	last    int64
	pruned  []string
	broken  error         // returned by every method
	reads   int           // calls of DueJobs
	slow    time.Duration // how long DueJobs takes after it has read the jobs
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

// queued returns the jobs, one for each pair of subscription and room, first due first.
func (b *inbox) queued() (jobs []notify.Job) {
	for _, id := range slices.Sorted(maps.Keys(b.jobs)) {
		j := b.jobs[id]
		j.Notification, j.Count = *b.rows[j.Notification.ID], 1
		i := slices.IndexFunc(jobs, func(o notify.Job) bool { return sameTarget(o, j) })
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

func sameTarget(a, b notify.Job) bool {
	return a.Subscription.ID == b.Subscription.ID && a.Notification.Room == b.Notification.Room
}

// members returns the ids of the queued notifications that the job stands for.
func (b *inbox) members(id int64) (ids []int64) {
	job, ok := b.jobs[id]
	for other, j := range b.jobs {
		if ok && other <= id && sameTarget(job, j) {
			ids = append(ids, other)
		}
	}
	return ids
}

func (b *inbox) DueJobs(_ context.Context, now time.Time, limit int) ([]notify.Job, error) {
	b.mu.Lock()
	b.reads++
	due := slices.DeleteFunc(b.queued(), func(j notify.Job) bool { return j.NextAt.After(now) })
	slow, broken := b.slow, b.broken
	b.mu.Unlock()
	time.Sleep(slow)
	return due[:min(limit, len(due))], broken
}

func (b *inbox) NextJob(context.Context) (time.Time, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if jobs := b.queued(); len(jobs) > 0 {
		return jobs[0].NextAt, true, b.broken
	}
	return time.Time{}, false, b.broken
}

func (b *inbox) FinishJob(_ context.Context, id int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		for _, id := range b.members(id) {
			delete(b.jobs, id)
		}
	}
	return b.broken
}

func (b *inbox) Withdraw(context.Context, string, string) error { return nil }

func (b *inbox) RetryJob(_ context.Context, id int64, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.members(id) {
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
	for _, id := range b.members(id) {
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

func (b *inbox) jobCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.jobs)
}

// sender is a Sender that records calls and answers with a function of the test.
type sender struct {
	mu     sync.Mutex
	answer func(ctx context.Context, sub notify.Subscription) notify.Result
	sent   []time.Time
	told   []string // what was sent: "id×count"
	now    int      // sends in flight
	most   int      // highest value of now
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

// take returns the pushes and their times since the last call.
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
	inbox   *inbox
	sender  *sender
	mu      sync.Mutex
	live    []string
	ahead   time.Duration  // of the worker's clock
	present bool           // ben is in every room
	limited map[string]int // how often each limit was reached
	log     strings.Builder
	stop    func()
}

// run starts a worker without limits in a synctest bubble. Ben has one subscription.
func run(t *testing.T, test func(w *world)) { runLimited(t, notify.Limits{}, test) }

func runLimited(t *testing.T, limits notify.Limits, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, inbox: newInbox(notify.Subscription{ID: "s1", User: "ben"}), sender: &sender{}, limited: map[string]int{}}
		w.Worker = notify.NewWorker(notify.Config{
			Inbox:  w.inbox,
			Sender: w.sender,
			Limits: limits,
			Now: func() time.Time {
				w.mu.Lock()
				defer w.mu.Unlock()
				return time.Now().Add(w.ahead)
			},
			Present: func(context.Context, string, string) (bool, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.present, nil
			},
			Deliver: func(n notify.Notification) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.live = append(w.live, n.ID)
			},
			OnLimit: func(limit string) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.limited[limit]++
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
	if w.sender.times() != sends || w.inbox.jobCount() != jobs {
		w.Errorf("%d sends, %d jobs left; want %d and %d", w.sender.times(), w.inbox.jobCount(), sends, jobs)
	}
}
