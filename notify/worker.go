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
)

// Config of a Worker. Inbox is required; a nil function or Sender does without
// what it would do.
type Config struct {
	Inbox Inbox
	// Sender pushes. nil: nothing is ever pushed.
	Sender Sender
	// Here tells whether the person has a live connection in the room. On an
	// error they count as absent: one push too many beats one too few.
	Here func(ctx context.Context, user, room string) (bool, error)
	// Deliver shows a new notification on the devices that are awake. It must
	// not block. Called once per notification, from the goroutine that notifies.
	Deliver func(Notification)
	Now     func() time.Time // nil: time.Now; used for stored times, not for waiting
	Delay   time.Duration    // before a push; 0: DefaultDelay, below 0: none
	Limits  Limits
	// Hit is called with push-every or pushes each time that a push is put off by
	// that limit. It must not block.
	Hit func(limit string)
	Log *slog.Logger // nil: silent
}

// What the worker does about failure.
const (
	maxSends = 8                // pushes under way at once
	giveUp   = 24 * time.Hour   // age of a notification that is no longer pushed
	minBack  = 5 * time.Second  // before the second send; doubles each time
	maxBack  = 30 * time.Minute // except where a push service asks for more
	retryDB  = time.Second      // after an error of the inbox; doubles up to maxDB
	maxDB    = 30 * time.Second
	lastWord = 5 * time.Second // to record an outcome during shutdown
	blindFor = time.Second     // between looks while jobs under way hide what is due next
)

// Worker puts notifications in inboxes and pushes them.
//
//	Notify ─▶ rules ─▶ Inbox.Add (stored) ─▶ Deliver (live, once)
//	                        │ push wanted
//	                        ▼
//	               job, due after Delay ──▶ here by now ─▶ dropped (what is read is gone)
//	                        │      └──────▶ rung enough ─▶ later, with what comes until then
//	                        │ Send: the newest of the room, for all that wait
//	                        ├─ Delivered ─▶ finished
//	                        ├─ Gone ─────▶ subscription forgotten
//	                        ├─ Retry ────▶ again later, until a day old
//	                        └─ Refused ──▶ logged as an error, finished
//
// A push is attempted at least once: a crash between the send and its record
// repeats it, and the device's tag and topic make one of two.
type Worker struct {
	c    Config
	wake chan struct{} // capacity 1: there may be something due
	pace *pace

	mu       sync.Mutex
	underway map[target]bool
	sends    sync.WaitGroup
}

// target is where one push at a time goes: what comes for it meanwhile waits.
type target struct{ subscription, room string }

func (j Job) target() target { return target{j.Subscription.ID, j.Notification.Room} }

func (j Job) place() place { return place{j.Notification.User, j.Notification.Room} }

// NewWorker makes a worker; jobs wait until Run.
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
	if c.Hit == nil {
		c.Hit = func(string) {}
	}
	c.Delay = max(0, cmp.Or(c.Delay, DefaultDelay))
	return &Worker{c: c, wake: make(chan struct{}, 1), pace: newPace(c.Limits), underway: map[target]bool{}}
}

// Notify stores the notification and sees to the rest. Once it has returned nil
// the notification is in the inbox and survives a crash. Repeating it with the
// same id does nothing, so a caller in doubt repeats. A zero CreatedAt becomes
// now. Safe for concurrent use, with or without Run.
func (w *Worker) Notify(ctx context.Context, n Notification) error {
	if err := n.check(); err != nil {
		return err
	}
	now := w.c.Now()
	if n.CreatedAt.IsZero() {
		n.CreatedAt = now
	}
	n.CreatedAt = n.CreatedAt.UTC().Truncate(time.Millisecond)
	free, by := w.pace.free(now, place{n.User, n.Room})
	d := Decide(Facts{Notification: n, Here: w.here(ctx, n), Now: now, Delay: w.c.Delay, Free: free})
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
		if free.After(now.Add(w.c.Delay)) {
			w.c.Hit(by)
		}
		w.look()
	}
	return nil
}

func (n Notification) check() error {
	switch {
	case n.ID == "" || n.User == "" || n.Kind == "":
		return errors.New("notify: notification without id, user or kind")
	case !strings.HasPrefix(n.URL, "/") || strings.HasPrefix(n.URL, "//") || strings.HasPrefix(n.URL, `/\`):
		return errors.New("notify: url is not a path on this origin")
	}
	return nil
}

func (w *Worker) here(ctx context.Context, n Notification) bool {
	if w.c.Here == nil || n.Room == "" {
		return false
	}
	here, err := w.c.Here(ctx, n.User, n.Room)
	if err != nil {
		w.c.Log.Warn("who is here is not known", "user", n.User, "room", n.Room, "err", err)
	}
	return here && err == nil
}

// look makes Run look for due jobs.
func (w *Worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run sends due jobs, at most eight at once, until ctx ends; then it waits for
// the sends under way, which end with ctx, and returns ctx's error. A job cut
// short is due again at the next start. Only one Run at a time, also over all
// nodes of a shared inbox: jobs are not leased.
func (w *Worker) Run(ctx context.Context) error {
	defer w.sends.Wait()
	if w.c.Sender == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return ctx.Err() // select may prefer the wake of a send that ctx cut short
		}
		wait, err := w.start(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failing = min(maxDB, max(retryDB, 2*failing))
			w.c.Log.Error("push jobs cannot be read", "err", err)
			timer.Reset(failing)
		case wait < 0:
			failing = 0
			timer.Stop() // nothing to wait for: the next look is asked for
		default:
			failing = 0
			timer.Reset(wait)
		}
	}
}

// start sets off due jobs as far as there is room, and says when to look again;
// below 0 for when asked.
func (w *Worker) start(ctx context.Context) (time.Duration, error) {
	now := w.c.Now()
	// What was under way before the read may have ended since: the list does not
	// know, and would have it sent twice. Its end asks for the next look.
	w.mu.Lock()
	before := maps.Clone(w.underway)
	w.mu.Unlock()
	// Jobs under way stay listed as due; twice the room finds all others.
	jobs, err := w.c.Inbox.DueJobs(ctx, now, 2*maxSends)
	if err != nil {
		return 0, err
	}
	w.mu.Lock()
	for _, job := range jobs {
		if len(w.underway) == maxSends {
			w.mu.Unlock()
			return -1, nil // each end of a send looks again
		}
		if before[job.target()] {
			continue
		}
		w.underway[job.target()] = true
		// Here, so that of those who wait for the same moment the oldest rings.
		var held time.Time
		if wait, by := w.pace.take(now, job.place(), job.Subscription.ID); wait > 0 {
			held = now.Add(wait)
			w.c.Hit(by)
		}
		w.sends.Go(func() {
			if rang := w.send(ctx, job, held); !rang && held.IsZero() {
				w.pace.undo(job.place(), job.Subscription.ID)
			}
			w.mu.Lock()
			delete(w.underway, job.target())
			w.mu.Unlock()
			w.look()
		})
	}
	busy := len(w.underway) > 0
	w.mu.Unlock()
	if busy {
		return blindFor, nil
	}
	at, ok, err := w.c.Inbox.NextJob(ctx)
	if err != nil || !ok {
		return -1, err
	}
	// A little more than nothing, so that a coarser clock cannot spin.
	return max(time.Millisecond, at.Sub(now)), nil
}

// send does one job, or puts it off until held, and records what came of it.
func (w *Worker) send(ctx context.Context, job Job, held time.Time) (rang bool) {
	n := job.Notification
	log := w.c.Log.With("job", job.ID, "user", n.User, "room", n.Room)
	age := w.c.Now().Sub(n.CreatedAt)
	switch {
	case age >= giveUp:
		log.Warn("push given up", "attempts", job.Attempt)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
		return false
	case w.here(ctx, n):
		w.record(ctx, log, "came before the push", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
		return false
	case !held.IsZero():
		w.record(ctx, log, "rung enough", func(ctx context.Context) error { return w.c.Inbox.HoldJob(ctx, job.ID, held) })
		return false
	}
	result, err := w.c.Sender.Send(ctx, job.Subscription, n, job.Count)
	if result.Outcome == Retry && ctx.Err() != nil {
		return false // cut short by the shutdown, not by the push service
	}
	log = log.With("status", result.Status)
	switch result.Outcome {
	case Delivered:
		w.record(ctx, log, "pushed", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
	case Gone:
		w.record(ctx, log, "subscription gone", func(ctx context.Context) error { return w.c.Inbox.Prune(ctx, job.Subscription.ID) })
	case Retry:
		wait := backoff(job.Attempt, result.RetryAfter)
		if age+wait >= giveUp {
			log.Warn("push given up", "attempts", job.Attempt+1, "err", err)
			w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
			return false
		}
		log.Debug("push will be tried again", "in", wait, "err", err)
		at := w.c.Now().Add(wait)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.RetryJob(ctx, job.ID, at) })
	default:
		log.Error("push refused: check the VAPID keys, the subject and the clock", "err", err)
		w.record(ctx, log, "", func(ctx context.Context) error { return w.c.Inbox.FinishJob(ctx, job.ID) })
	}
	return result.Outcome == Delivered
}

// record writes an outcome down and does not give up while Run runs, since an
// unrecorded push would be sent again. The job counts as under way meanwhile.
// What is done when the shutdown comes is recorded once more, in little time.
func (w *Worker) record(ctx context.Context, log *slog.Logger, what string, write func(context.Context) error) {
	for wait := retryDB; ; wait = min(maxDB, 2*wait) {
		last := ctx.Err() != nil
		writing, done := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
		err := write(writing)
		done()
		if err == nil {
			if what != "" {
				log.Debug(what)
			}
			return
		}
		log.Error("the outcome of a push is not recorded", "err", err)
		if last {
			return
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// backoff is how long to wait after the given number of earlier sends: doubled
// each time, half of it at random, so that what failed together does not return
// together. What the push service asked for is never undercut.
func backoff(attempt int, asked time.Duration) time.Duration {
	wait := maxBack
	if attempt < 20 {
		wait = min(maxBack, minBack<<max(0, attempt))
	}
	wait = wait/2 + rand.N(wait/2)
	if asked > 0 {
		wait = max(wait, asked+rand.N(1+asked/10))
	}
	return wait
}
