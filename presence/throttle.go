package presence

import (
	"sync"
	"time"

	"weft/presence/internal/signal"
)

// Throttle passes on at most one diff of a room in each interval. Diffs that arrive
// during the interval are merged into one; after a pause a diff passes at once. So a
// crowd that joins costs everybody in the room a few messages a second, and not one
// for each person. Safe for concurrent use.
//
// It holds at most one diff for each room.
type Throttle struct {
	interval time.Duration
	publish  func(Diff)
	stop     chan struct{}
	done     sync.WaitGroup
	started  signal.Signal // rooms is not empty

	mu    sync.Mutex // held while publish runs, which keeps the order of a room's diffs
	rooms map[string]*throttledRoom
}

// throttledRoom is a room whose last diff passed less than two intervals ago.
type throttledRoom struct {
	next    time.Time // earliest time of the next diff
	pending bool      // diff is set
	diff    Diff
}

// NewThrottle starts the one goroutine; Close it. publish is called by Push and by
// that goroutine, never by both at once. It must not block, because it delays Push,
// and must not call the Throttle.
func NewThrottle(interval time.Duration, publish func(Diff)) *Throttle {
	t := &Throttle{
		interval: interval, publish: publish, stop: make(chan struct{}), started: signal.New(),
		rooms: map[string]*throttledRoom{},
	}
	t.done.Go(t.run)
	return t
}

// Push takes the next diff.
func (t *Throttle) Push(d Diff) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch room := t.rooms[d.Room]; {
	case room == nil:
		t.rooms[d.Room] = &throttledRoom{next: time.Now().Add(t.interval)}
		t.publish(d)
		t.started.Set()
	case room.pending:
		room.diff = room.diff.merge(d)
	default:
		room.diff, room.pending = d, true
	}
}

// Close stops the goroutine and waits for it. Pending diffs are not published. It
// must be called once.
func (t *Throttle) Close() {
	close(t.stop)
	t.done.Wait()
}

func (t *Throttle) run() {
	for {
		select {
		case <-t.stop:
			return
		case <-t.started:
		}
		ticker := time.NewTicker(t.interval)
		for more := true; more; {
			select {
			case <-t.stop:
				ticker.Stop()
				return
			case now := <-ticker.C:
				more = t.publishDue(now)
			}
		}
		ticker.Stop()
	}
}

// publishDue publishes the pending diffs whose interval is over. more reports
// whether a room is still throttled.
func (t *Throttle) publishDue(now time.Time) (more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, room := range t.rooms {
		switch {
		case now.Before(room.next):
		case room.pending:
			t.publish(room.diff)
			*room = throttledRoom{next: now.Add(t.interval)}
		default:
			delete(t.rooms, id)
		}
	}
	return len(t.rooms) > 0
}
