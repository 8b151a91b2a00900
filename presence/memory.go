package presence

import (
	"cmp"
	"context"
	"sync"
	"time"

	"weft/presence/internal/signal"
)

// MemoryOptions of a Memory. The zero value of a field means the default.
type MemoryOptions struct {
	// Grace is how long a person stays in a room after their last connection
	// there closed. 0 means the constant Grace; a negative value means no grace
	// period.
	Grace time.Duration
	// Idle and Away replace IdleAfter and AwayAfter unless 0.
	Idle, Away time.Duration
}

// Memory is the [Tracker] of a single process. One lock guards all rooms: a call is
// a few map accesses, so more locks would not make it faster.
//
// Of people who have left it remembers the last seen times of the last 100,000
// people, and the slots of as many (room, person) pairs; see [SlotMemory].
type Memory struct {
	stop context.CancelFunc
	done sync.WaitGroup

	rearm    signal.Signal // the next deadline may be earlier now
	watchers *Watchers
	statuses *StatusWatchers

	mu     sync.Mutex
	closed bool
	state  *state
	armed  time.Time // deadline that the timer goroutine waits for; zero: none
}

var _ Tracker = (*Memory)(nil)

// NewMemory starts a tracker with three goroutines: one waits for deadlines, one
// calls the watchers, one calls the watchers of statuses. Close it.
func NewMemory(o MemoryOptions) *Memory {
	ctx, stop := context.WithCancel(context.Background())
	m := &Memory{
		stop:     stop,
		rearm:    signal.New(),
		watchers: NewWatchers(),
		state:    newState(cmp.Or(o.Grace, Grace), cmp.Or(o.Idle, IdleAfter), cmp.Or(o.Away, AwayAfter)),
	}
	m.statuses = NewStatusWatchers(m.readStatus, nil)
	m.state.statusChanged = m.statuses.Changed
	m.done.Go(func() { m.runTimer(ctx) })
	return m
}

// Join adds or replaces a connection. The error is ErrClosed.
func (m *Memory) Join(_ context.Context, member Member) (Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Person{}, ErrClosed
	}
	p, d := m.state.join(member, time.Now())
	m.publish(d)
	return p, nil
}

// Touch records activity on a connection.
func (m *Memory) Touch(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.touch(room, conn, now) })
}

// MarkIdle makes a connection idle.
func (m *Memory) MarkIdle(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.markIdle(room, conn, now) })
}

// Leave closes a connection.
func (m *Memory) Leave(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.leave(room, conn, now) })
}

func (m *Memory) change(f func(now time.Time) Diff) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.publish(f(time.Now()))
	return nil
}

// People lists the people in the room by arrival.
func (m *Memory) People(_ context.Context, room string) ([]Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	return m.state.people(room), nil
}

// Count returns how many people are in the room.
func (m *Memory) Count(_ context.Context, room string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	if r := m.state.rooms[room]; r != nil {
		return r.people.len(), nil
	}
	return 0, nil
}

// IsPresent reports whether the person has a live connection in the room.
func (m *Memory) IsPresent(_ context.Context, room, user string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, ErrClosed
	}
	return m.state.isPresent(room, user), nil
}

// Status returns the status of people over all rooms.
func (m *Memory) Status(_ context.Context, users []string) (map[string]UserStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	status := make(map[string]UserStatus, len(users))
	for _, id := range users {
		status[id] = m.state.status(id)
	}
	return status, nil
}

// Watch calls fn with every diff from now on; see [Watchers.Watch].
func (m *Memory) Watch(fn func(Diff)) (stop func()) { return m.watchers.Watch(fn) }

// WatchStatus begins an empty list of people to watch; see [Tracker].
func (m *Memory) WatchStatus(fn func(map[string]UserStatus)) StatusWatch {
	return m.statuses.Watch(fn)
}

func (m *Memory) readStatus(users []string) map[string]UserStatus {
	all, _ := m.Status(context.Background(), users) // the only error is ErrClosed
	return all
}

// Close stops the goroutines and waits for them. Diffs that are still queued are
// not delivered.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.done.Wait()
	m.watchers.Close()
	m.statuses.Close()
	return nil
}

// publish queues a diff and wakes the timer goroutine if the next deadline is
// earlier now. It must be called after every change of the state, under mu.
func (m *Memory) publish(d Diff) {
	m.watchers.Publish(d)
	if at, ok := m.state.next(); ok && (m.armed.IsZero() || at.Before(m.armed)) {
		m.rearm.Set()
	}
}

// runTimer waits for the next deadline until ctx ends. If that deadline has moved to
// a later time, the goroutine finds nothing to do and waits again.
func (m *Memory) runTimer(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.rearm:
		case <-timer.C:
		}
		m.mu.Lock()
		m.armed = time.Time{}
		now := time.Now()
		for _, d := range m.state.expire(now) {
			m.publish(d)
		}
		if at, ok := m.state.next(); ok {
			m.armed = at
			timer.Reset(at.Sub(now))
		}
		m.mu.Unlock()
	}
}
