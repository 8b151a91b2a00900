package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Config of a Worker. Only Inbox is required.
type Config struct {
	Inbox Inbox
	// Sender sends the pushes. nil: nothing is pushed.
	Sender Sender
	// Present reports whether the person has a live connection in the room. nil, or an
	// error: absent, since a needless push is better than a missing one.
	Present func(ctx context.Context, user, room string) (bool, error)
	// Deliver shows a new notification on the person's open pages. It is called once
	// for each notification, on the goroutine of Notify, and must not block. nil: none.
	Deliver func(Notification)
	// Now is the clock for stored times; waiting uses timers. nil: time.Now.
	Now func() time.Time
	// Delay between a notification and its push; 0: DefaultDelay, below 0: none.
	Delay  time.Duration
	Limits Limits
	// OnLimit is called with "push-every" or "pushes" each time that limit delays a
	// push. It must not block. nil: nobody counts.
	OnLimit func(limit string)
	Log     *slog.Logger // nil: discarded
}

const (
	maxSends        = 8                // concurrent sends
	maxPushAge      = 24 * time.Hour   // older notifications are not pushed
	minSendBackoff  = 5 * time.Second  // before the second send; doubles each time
	maxSendBackoff  = 30 * time.Minute // a push service may ask for more
	minInboxBackoff = time.Second      // after an error of the inbox; doubles each time
	maxInboxBackoff = 30 * time.Second
	recordTimeout   = 5 * time.Second // of writing an outcome, also during shutdown
	pollInterval    = time.Second     // between reads of the queue while sends are in flight
)

// Worker stores notifications in inboxes and pushes them.
//
//	Notify ─▶ Decide ─▶ Inbox.Add (durable) ─▶ Deliver (open pages, once)
//	                        │ push wanted
//	                        ▼
//	               job, due after Delay ──▶ person is present ──▶ removed
//	                        │      └──────▶ limit reached ──────▶ due later, with newer ones
//	                        │ Send: the newest notification of the room, with the count
//	                        ├─ Delivered ─▶ removed
//	                        ├─ Gone ─────▶ subscription removed
//	                        ├─ Retry ────▶ due later, until maxPushAge
//	                        └─ Refused ──▶ logged as an error, removed
//
// A notification that was read is removed from the queue by Inbox.MarkRead. A push is
// sent at least once: a crash between send and record repeats it, and the device merges
// both by tag and topic.
//
// Goroutines: Run, and one per send in flight (at most maxSends), which Run waits for.
type Worker struct {
	c     Config
	wake  chan struct{} // capacity 1: a job may be due
	rings *ringLimiter

	mu       sync.Mutex
	inFlight map[target]bool
	sends    sync.WaitGroup
}

// target receives one push at a time; newer notifications for it stay queued.
type target struct{ subscription, room string }

func (j Job) target() target { return target{j.Subscription.ID, j.Notification.Room} }

func (j Job) ringKey() ringKey { return ringKey{j.Notification.User, j.Notification.Room} }

// NewWorker makes a worker. Jobs are sent while Run runs. It panics without an Inbox.
func NewWorker(c Config) *Worker {
	if c.Inbox == nil {
		panic("notify: worker without an inbox")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnLimit == nil {
		c.OnLimit = func(string) {}
	}
	c.Delay = max(0, cmp.Or(c.Delay, DefaultDelay))
	return &Worker{c: c, wake: make(chan struct{}, 1), rings: newRingLimiter(c.Limits), inFlight: map[target]bool{}}
}

// Notify applies the rules and stores the notification. When it returns nil, the
// notification is durable. A second call with the same id does nothing, so a caller
// retries after an error. A zero CreatedAt becomes the current time. Safe for concurrent
// use, also while Run does not run.
func (w *Worker) Notify(ctx context.Context, n Notification) error {
	if err := n.check(); err != nil {
		return err
	}
	now := w.c.Now()
	if n.CreatedAt.IsZero() {
		n.CreatedAt = now
	}
	n.CreatedAt = n.CreatedAt.UTC().Truncate(time.Millisecond)
	notBefore, limit := w.rings.earliest(now, ringKey{n.User, n.Room})
	d := Decide(Facts{Notification: n, Present: w.present(ctx, n), Now: now, Delay: w.c.Delay, NotBefore: notBefore})
	w.c.Log.Debug("notification", "id", n.ID, "user", n.User, "room", n.Room, "kind", n.Kind, "trace", d.Trace)
	if !d.Inbox {
		return nil
	}
	if w.c.Sender == nil {
		d.Push = Push{}
	}
	added, err := w.c.Inbox.Add(ctx, n, d.Push)
	if err != nil {
		return fmt.Errorf("notify: add to inbox: %w", err)
	}
	if !added {
		return nil
	}
	if w.c.Deliver != nil {
		w.c.Deliver(n)
	}
	if d.Push.Wanted {
		if notBefore.After(now.Add(w.c.Delay)) {
			w.c.OnLimit(limit)
		}
		w.wakeRun()
	}
	return nil
}

// check refuses a notification that cannot be stored or that leads to another origin.
func (n Notification) check() error {
	switch {
	case n.ID == "" || n.User == "" || n.Kind == "":
		return errors.New("notify: notification without id, user or kind")
	case !strings.HasPrefix(n.URL, "/") || strings.HasPrefix(n.URL, "//") || strings.HasPrefix(n.URL, `/\`):
		return errors.New("notify: notification url: want a path on this origin, such as /s/room")
	}
	return nil
}

func (w *Worker) present(ctx context.Context, n Notification) bool {
	if w.c.Present == nil || n.Room == "" {
		return false
	}
	present, err := w.c.Present(ctx, n.User, n.Room)
	if err != nil {
		w.c.Log.Warn("presence is not known; the person counts as absent", "user", n.User, "room", n.Room, "err", err)
	}
	return present && err == nil
}

// wakeRun makes Run read the queue.
func (w *Worker) wakeRun() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run sends due jobs, at most maxSends at once, until ctx ends. Then it waits for the
// sends in flight, which end with ctx, and returns ctx's error. A job whose send was
// cancelled is due again at the next start. Only one Run may run for one inbox, on all
// nodes together: jobs have no lease.
func (w *Worker) Run(ctx context.Context) error {
	defer w.sends.Wait()
	if w.c.Sender == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	delays := inboxBackoff()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return ctx.Err() // a cancelled send wakes Run, and select chooses at random
		}
		wait, err := w.startDue(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			delay := delays.NextBackOff()
			w.c.Log.Error("queued pushes cannot be read; retrying", "wait", delay, "err", err)
			timer.Reset(delay)
		case wait < 0:
			delays.Reset()
			timer.Stop() // wakeRun wakes Run
		default:
			delays.Reset()
			timer.Reset(wait)
		}
	}
}

// startDue starts sends of due jobs, up to maxSends in flight, and returns when to read
// the queue again; a negative duration: when wakeRun is called.
func (w *Worker) startDue(ctx context.Context) (time.Duration, error) {
	now := w.c.Now()
	// A send that was in flight before the read may end during the read. Its job is
	// still in the list then and must not be sent again. The end of the send wakes Run.
	w.mu.Lock()
	before := maps.Clone(w.inFlight)
	w.mu.Unlock()
	// Jobs in flight are still due, so twice maxSends finds as many others.
	jobs, err := w.c.Inbox.DueJobs(ctx, now, 2*maxSends)
	if err != nil {
		return 0, err
	}
	w.mu.Lock()
	for _, job := range jobs {
		if len(w.inFlight) == maxSends {
			w.mu.Unlock()
			return -1, nil // the end of a send wakes Run
		}
		if before[job.target()] {
			continue
		}
		w.inFlight[job.target()] = true
		// take is called in the order of the list, so of several jobs that wait for the
		// same limit the oldest is sent.
		var heldUntil time.Time
		if wait, limit := w.rings.take(now, job.ringKey(), job.Subscription.ID); wait > 0 {
			heldUntil = now.Add(wait)
			w.c.OnLimit(limit)
		}
		w.sends.Go(func() {
			if delivered := w.send(ctx, job, heldUntil); !delivered && heldUntil.IsZero() {
				w.rings.undo(job.ringKey(), job.Subscription.ID)
			}
			w.mu.Lock()
			delete(w.inFlight, job.target())
			w.mu.Unlock()
			w.wakeRun()
		})
	}
	busy := len(w.inFlight) > 0
	w.mu.Unlock()
	if busy {
		return pollInterval, nil // NextJob would return the jobs in flight
	}
	at, ok, err := w.c.Inbox.NextJob(ctx)
	if err != nil || !ok {
		return -1, err
	}
	// At least 1 ms, so that Run does not spin when the stored time is coarser.
	return max(time.Millisecond, at.Sub(now)), nil
}

// send sends one job, or delays it until heldUntil if that is set, and records the
// outcome in the inbox.
func (w *Worker) send(ctx context.Context, job Job, heldUntil time.Time) (delivered bool) {
	n := job.Notification
	log := w.c.Log.With("job", job.ID, "user", n.User, "room", n.Room)
	age := w.c.Now().Sub(n.CreatedAt)
	switch {
	case age >= maxPushAge:
		log.Warn("push dropped: it is too old", "attempts", job.Attempt)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
		return false
	case w.present(ctx, n):
		w.record(ctx, log, "push dropped: the person is in the room", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
		return false
	case !heldUntil.IsZero():
		w.record(ctx, log, "push delayed by a limit", func(ctx context.Context) error { return w.c.Inbox.HoldJob(ctx, job.ID, heldUntil) })
		return false
	}
	result, err := w.c.Sender.Send(ctx, job.Subscription, n, job.Count)
	if result.Outcome == Retry && ctx.Err() != nil {
		return false // cancelled by the shutdown, not refused by the push service
	}
	log = log.With("status", result.Status)
	switch result.Outcome {
	case Delivered:
		w.record(ctx, log, "pushed", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
	case Gone:
		w.record(ctx, log, "subscription removed", func(ctx context.Context) error { return w.c.Inbox.Prune(ctx, job.Subscription.ID) })
	case Retry:
		wait := sendBackoff(job.Attempt, result.RetryAfter)
		if age+wait >= maxPushAge {
			log.Warn("push dropped: every attempt failed for a day", "attempts", job.Attempt+1, "err", err)
			w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
			return false
		}
		log.Debug("push failed; retrying", "wait", wait, "err", err)
		at := w.c.Now().Add(wait)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.RetryJob(ctx, job.ID, at) })
	default:
		log.Error("push refused: check VAPID keys, subject and clock", "err", err)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
	}
	return result.Outcome == Delivered
}

// record writes an outcome to the inbox. It retries while Run runs, since a push without
// a recorded outcome would be sent again; the job stays in flight meanwhile. During the
// shutdown it tries once, for at most recordTimeout. outcome is logged; "" for none.
func (w *Worker) record(ctx context.Context, log *slog.Logger, outcome string, write func(context.Context) error) {
	delays := inboxBackoff()
	for {
		stopping := ctx.Err() != nil
		writing, done := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		err := write(writing)
		done()
		if err == nil {
			if outcome != "" {
				log.Debug(outcome)
			}
			return
		}
		log.Error("the outcome of a push cannot be recorded", "err", err)
		if stopping {
			return
		}
		pause := time.NewTimer(delays.NextBackOff())
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// inboxBackoff returns the delays between calls of an inbox that fails.
func inboxBackoff() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: minInboxBackoff, Multiplier: 2, MaxInterval: maxInboxBackoff}
}

// maxDoublings is more than it takes from minSendBackoff to maxSendBackoff.
const maxDoublings = 20

// sendBackoff returns the time until the next send after the given number of failed
// ones: exponential, with the second half at random, so that pushes that failed together
// are not retried together. It is at least what the push service asked for.
func sendBackoff(attempt int, asked time.Duration) time.Duration {
	const jitter = 1. / 3 // the interval below is 3/4 of the longest wait: from 1/2 of it to all of it
	delays := backoff.ExponentialBackOff{
		InitialInterval: minSendBackoff * 3 / 4, MaxInterval: maxSendBackoff * 3 / 4, Multiplier: 2, RandomizationFactor: jitter,
	}
	wait := delays.NextBackOff()
	for range min(attempt, maxDoublings) {
		wait = delays.NextBackOff()
	}
	if asked > 0 {
		wait = max(wait, asked+rand.N(1+asked/10))
	}
	return wait
}
