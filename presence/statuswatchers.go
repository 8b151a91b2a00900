package presence

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"weft/presence/internal/signal"
)

// StatusWatch is a list of people whose status somebody watches. Safe for
// concurrent use.
type StatusWatch interface {
	// Add watches more people. The status of people who are watched already is
	// reported again.
	Add(users ...string)
	// Remove stops watching some people. Unknown ones are ignored.
	Remove(users ...string)
	// Stop stops watching everybody, and waits until no call is running. Add does
	// nothing afterwards.
	Stop()
}

const (
	// statusInterval is the shortest time between two rounds of reading statuses;
	// changes gather meanwhile.
	statusInterval = 50 * time.Millisecond
	// statusRetry is after how long the status of a person is read again if it was
	// not known for sure.
	statusRetry = time.Second
	statusBatch = 250 // people read at once
)

// StatusWatchers notifies watchers when the status of a watched person changes. The
// tracker calls Changed with candidates; StatusWatchers reads their status again and
// reports only differences. Trackers are built on it. Safe for concurrent use.
//
// Its queues are sets of watched people, so they need no other bound. While a
// watcher's function runs, changes gather, and it is called next with the latest
// status only.
type StatusWatchers struct {
	read           func(users []string) map[string]UserStatus
	watchedChanged func(user string)
	stop           context.CancelFunc
	done           sync.WaitGroup
	ready          signal.Signal // queue is not empty

	mu     sync.Mutex
	people map[string]*watchedPerson
	queue  []string        // people whose status is to be read, each once
	retry  map[string]bool // people whose status is to be read after statusRetry
}

// watchedPerson is a person whom somebody watches.
type watchedPerson struct {
	status   UserStatus // as reported last
	reported bool       // status is set
	queued   bool
	lists    map[*statusWatch]bool // who watches; true: status was reported to them
}

type statusWatch struct {
	watchers *StatusWatchers
	calling  sync.Mutex // held while fn runs
	stopped  bool       // guarded by calling
	fn       func(map[string]UserStatus)
	users    map[string]bool // guarded by watchers.mu; nil: stopped
}

// NewStatusWatchers starts the one goroutine that reads statuses and calls the
// watchers; Close it.
//
// read returns the status of at most 250 people, without those whose status is not
// known for sure: they are read again a second later. watchedChanged, if not nil, is
// called when somebody begins to watch a person whom nobody watched, or the last one
// stops; it may call IsWatched.
func NewStatusWatchers(read func(users []string) map[string]UserStatus, watchedChanged func(user string)) *StatusWatchers {
	ctx, stop := context.WithCancel(context.Background())
	w := &StatusWatchers{
		read: read, watchedChanged: watchedChanged, stop: stop, ready: signal.New(),
		people: map[string]*watchedPerson{}, retry: map[string]bool{},
	}
	w.done.Go(func() { w.run(ctx) })
	return w
}

// Watch begins an empty list. fn is called with the changes by the one goroutine, so
// a slow fn delays all other lists.
func (w *StatusWatchers) Watch(fn func(map[string]UserStatus)) StatusWatch {
	return &statusWatch{watchers: w, fn: fn, users: map[string]bool{}}
}

// IsWatched reports whether anybody watches the person.
func (w *StatusWatchers) IsWatched(user string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.people[user] != nil
}

// Changed says that a person's status may have changed. It never waits.
func (w *StatusWatchers) Changed(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.enqueue(user)
}

// ChangedAll says so of everybody.
func (w *StatusWatchers) ChangedAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for user := range w.people {
		w.enqueue(user)
	}
}

// enqueue needs mu.
func (w *StatusWatchers) enqueue(user string) {
	if p := w.people[user]; p != nil && !p.queued {
		p.queued = true
		w.queue = append(w.queue, user)
		w.ready.Set()
	}
}

// Close stops the goroutine and waits for it. No function is called afterwards.
func (w *StatusWatchers) Close() {
	w.stop()
	w.done.Wait()
}

// Add implements StatusWatch.
func (l *statusWatch) Add(users ...string) {
	w := l.watchers
	for _, user := range users {
		w.mu.Lock()
		if l.users == nil { // stopped
			w.mu.Unlock()
			return
		}
		p := w.people[user]
		first := p == nil
		if first {
			p = &watchedPerson{lists: map[*statusWatch]bool{}}
			w.people[user] = p
		}
		p.lists[l], l.users[user] = false, true
		w.enqueue(user)
		w.mu.Unlock()
		if first && w.watchedChanged != nil {
			w.watchedChanged(user)
		}
	}
}

// Remove implements StatusWatch.
func (l *statusWatch) Remove(users ...string) {
	w := l.watchers
	for _, user := range users {
		w.mu.Lock()
		delete(l.users, user)
		last := false
		if p := w.people[user]; p != nil {
			delete(p.lists, l)
			if last = len(p.lists) == 0; last {
				delete(w.people, user)
			}
		}
		w.mu.Unlock()
		if last && w.watchedChanged != nil {
			w.watchedChanged(user)
		}
	}
}

// Stop implements StatusWatch.
func (l *statusWatch) Stop() {
	l.watchers.mu.Lock()
	users := slices.Collect(maps.Keys(l.users))
	l.users = nil
	l.watchers.mu.Unlock()
	l.Remove(users...)
	l.calling.Lock()
	l.stopped = true
	l.calling.Unlock()
}

func (w *StatusWatchers) run(ctx context.Context) {
	retry := time.NewTicker(statusRetry)
	defer retry.Stop()
	interval := time.NewTimer(0)
	defer interval.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ready:
		case <-retry.C:
			w.enqueueRetries()
			continue
		}
		for w.reportBatch() && ctx.Err() == nil {
		}
		interval.Reset(statusInterval)
		select {
		case <-ctx.Done():
			return
		case <-interval.C:
		}
	}
}

func (w *StatusWatchers) enqueueRetries() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for user := range w.retry {
		w.enqueue(user)
	}
	clear(w.retry)
}

// reportBatch reads the status of some queued people and reports what changed.
func (w *StatusWatchers) reportBatch() (more bool) {
	users, more := w.takeBatch()
	if len(users) == 0 {
		return false
	}
	for l, changes := range w.changes(users, w.read(users)) {
		l.call(changes)
	}
	return more
}

func (w *StatusWatchers) takeBatch() (users []string, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(statusBatch, len(w.queue))
	users = w.queue[:n:n]
	w.queue = w.queue[n:]
	for _, user := range users {
		if p := w.people[user]; p != nil {
			p.queued = false
		}
	}
	return users, len(w.queue) > 0
}

// changes stores the statuses that were read, and returns those to report to each list.
func (w *StatusWatchers) changes(users []string, read map[string]UserStatus) map[*statusWatch]map[string]UserStatus {
	changes := map[*statusWatch]map[string]UserStatus{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, user := range users {
		p := w.people[user]
		if p == nil {
			continue
		}
		status, known := read[user]
		if !known {
			w.retry[user] = true
			continue
		}
		same := p.reported && p.status.equal(status)
		p.status, p.reported = status, true
		for l, reported := range p.lists {
			if reported && same {
				continue
			}
			p.lists[l] = true
			if changes[l] == nil {
				changes[l] = map[string]UserStatus{}
			}
			changes[l][user] = status
		}
	}
	return changes
}

func (l *statusWatch) call(changes map[string]UserStatus) {
	l.calling.Lock()
	defer l.calling.Unlock()
	if !l.stopped {
		l.fn(changes)
	}
}

func (s UserStatus) equal(other UserStatus) bool {
	same := s.LastSeen == other.LastSeen ||
		s.LastSeen != nil && other.LastSeen != nil && s.LastSeen.Equal(*other.LastSeen)
	return same && s.Status == other.Status && s.Devices == other.Devices
}
