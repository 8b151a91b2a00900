package presence

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// MemoryOptions of a Memory. The zero value means the defaults.
type MemoryOptions struct {
	// Grace is how long a person stays after their last connection to a room
	// ended. 0 means the constant Grace; below 0 means not at all.
	Grace time.Duration
	// Idle and Away replace IdleAfter and AwayAfter; 0 does not.
	Idle, Away time.Duration
}

// Memory is the Tracker of a single process. One lock guards all
// rooms: an operation is a few map accesses, far from where sharding would pay.
//
// It remembers the last seen times of the last 100,000 people and the slots of as
// many (room, person) pairs, see [SlotMemory], and nothing else of who has gone.
type Memory struct {
	stop context.CancelFunc
	done sync.WaitGroup

	rearm     chan struct{} // capacity 1: the next deadline may be earlier now
	feed      *Watchers
	followers *StatusWatchers

	mu     sync.Mutex
	closed bool
	state  *state
	armed  time.Time // what the clock goroutine waits for; zero: nothing
}

var _ Tracker = (*Memory)(nil)

// NewMemory starts a tracker with three goroutines: one waits for deadlines, one
// calls the watchers, one the followers. Close it.
func NewMemory(o MemoryOptions) *Memory {
	ctx, stop := context.WithCancel(context.Background())
	m := &Memory{
		stop:  stop,
		rearm: make(chan struct{}, 1),
		feed:  NewWatchers(),
		state: newState(cmp.Or(o.Grace, Grace), cmp.Or(o.Idle, IdleAfter), cmp.Or(o.Away, AwayAfter)),
	}
	m.followers = NewStatusWatchers(m.look, nil)
	m.state.changed = m.followers.Changed
	m.done.Go(func() { m.keepTime(ctx) })
	return m
}

// Join adds or replaces a connection.
func (m *Memory) Join(_ context.Context, member Member) (Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Person{}, ErrClosed
	}
	p, d := m.state.join(member, time.Now())
	m.tell(d)
	return p, nil
}

// Touch notes activity on a connection.
func (m *Memory) Touch(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.touch(room, conn, now) })
}

// Rest makes a connection idle.
func (m *Memory) MarkIdle(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.rest(room, conn, now) })
}

// Leave ends a connection.
func (m *Memory) Leave(_ context.Context, room, conn string) error {
	return m.change(func(now time.Time) Diff { return m.state.leave(room, conn, now) })
}

func (m *Memory) change(f func(now time.Time) Diff) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.tell(f(time.Now()))
	return nil
}

// People lists the people in the room, by arrival.
func (m *Memory) People(_ context.Context, room string) ([]Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	return m.state.people(room), nil
}

// Count is how many people are in the room.
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

// Here tells whether the person has a live connection in the room.
func (m *Memory) IsPresent(_ context.Context, room, user string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, ErrClosed
	}
	return m.state.here(room, user), nil
}

// Status of people over all rooms.
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
func (m *Memory) Watch(fn func(Diff)) (stop func()) { return m.feed.Watch(fn) }

// Follow begins an empty list of people; see [Tracker].
func (m *Memory) WatchStatus(fn func(map[string]UserStatus)) StatusWatch {
	return m.followers.Watch(fn)
}

func (m *Memory) look(users []string) map[string]UserStatus {
	all, _ := m.Status(context.Background(), users) // fails only once closed
	return all
}

// Close ends the goroutines and waits for them. Diffs still queued are not
// delivered.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.done.Wait()
	m.feed.Close()
	m.followers.Close()
	return nil
}

// tell queues a diff and sees to the timer. It runs after every change, under mu.
func (m *Memory) tell(d Diff) {
	m.feed.Publish(d)
	if at, ok := m.state.next(); ok && (m.armed.IsZero() || at.Before(m.armed)) {
		signal(m.rearm)
	}
}

// keepTime waits for the next deadline. A deadline that moved away is found out
// when it comes.
func (m *Memory) keepTime(ctx context.Context) {
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
			m.tell(d)
		}
		if at, ok := m.state.next(); ok {
			m.armed = at
			timer.Reset(at.Sub(now))
		}
		m.mu.Unlock()
	}
}

// signal sets a flag that a goroutine waits for; set twice is set once.
func signal(flag chan<- struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}
