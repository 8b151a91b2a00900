package presence

import (
	"sync"
	"time"
)

// Throttle passes diffs on, those of one room no closer together than a given time:
// what comes meanwhile is merged into one. So a crowd that arrives costs everybody
// in the room a few messages a second, and not one for each person. After a pause a
// diff passes at once. Safe for concurrent use.
type Throttle struct {
	every time.Duration
	tell  func(Diff)
	stop  chan struct{}
	done  sync.WaitGroup
	begun chan struct{} // capacity 1: there is a room

	mu    sync.Mutex // held while tell runs, for the order
	rooms map[string]*round
}

// round is of a room that was told something lately.
type round struct {
	until time.Time // when it may be told more
	waits bool      // diff does
	diff  Diff
}

// NewThrottle starts the one goroutine; Close ends it. tell must not block, nor call
// the Throttle.
func NewThrottle(every time.Duration, tell func(Diff)) *Throttle {
	r := &Throttle{every: every, tell: tell, stop: make(chan struct{}), begun: make(chan struct{}, 1), rooms: map[string]*round{}}
	r.done.Go(r.run)
	return r
}

// Take takes the next diff.
func (r *Throttle) Push(d Diff) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch room := r.rooms[d.Room]; {
	case room == nil:
		r.rooms[d.Room] = &round{until: time.Now().Add(r.every)}
		r.tell(d)
		signal(r.begun)
	case room.waits:
		room.diff = room.diff.merge(d)
	default:
		room.diff, room.waits = d, true
	}
}

// Close ends the goroutine and waits for it. What still waits is not told.
func (r *Throttle) Close() {
	close(r.stop)
	r.done.Wait()
}

func (r *Throttle) run() {
	for {
		select {
		case <-r.stop:
			return
		case <-r.begun:
		}
		ticker := time.NewTicker(r.every)
		for more := true; more; {
			select {
			case <-r.stop:
				ticker.Stop()
				return
			case now := <-ticker.C:
				more = r.turn(now)
			}
		}
		ticker.Stop()
	}
}

// turn tells what is due, and whether anything is left.
func (r *Throttle) turn(now time.Time) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, room := range r.rooms {
		switch {
		case now.Before(room.until):
		case room.waits:
			r.tell(room.diff)
			*room = round{until: now.Add(r.every)}
		default:
			delete(r.rooms, id)
		}
	}
	return len(r.rooms) > 0
}
