package ws

import (
	"sync"
	"time"

	"weft/server/room"
)

// queue is what waits for one connection. Melody drops silently what exceeds
// its own buffer, so it is given at most window frames at a time; each frame it
// has written makes room for the next.
//
// Full means: what can be healed is let go (updates and awareness), its peers
// count as behind, and when the rest has been written each of them is given the
// whole document again, at most once in resyncEvery. A connection ends when its
// queue is full of what can't be let go, or (in Melody) when one frame takes
// longer than writeWait.
type queue struct {
	write func(frame []byte) error // to Melody; does not block
	slow  func()                   // ends the connection; does not block
	again func(*peer)              // asks the peer's room for everything; may block
	limit Limits

	mu       sync.Mutex
	frames   []queued
	bytes    int
	flying   int // frames with Melody, not yet written
	closed   bool
	lastSent time.Time
	behind   map[*peer]bool
	// lastResync is when everything was last given again, and later the timer
	// that does it next, if it is due too soon after that.
	lastResync time.Time
	later      *time.Timer
}

// queued is a frame and whose it is.
type queued struct {
	peer  *peer // nil: the connection's own
	class room.Class
	frame []byte
}

// window is how many frames Melody may hold of one connection.
const window = 2

// push queues a frame. It never blocks.
func (q *queue) push(f queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	droppable := f.peer != nil && f.class != room.Event
	if droppable && q.behind[f.peer] {
		return // the resync to come brings it
	}
	if q.bytes > q.limit.Queue || len(q.frames) >= q.limit.QueueLen {
		q.shed()
		if q.bytes > q.limit.Queue || len(q.frames) >= q.limit.QueueLen {
			q.end()
			return
		}
		if droppable {
			q.fallBehind(f.peer)
			return
		}
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.frame)
	q.fill()
}

// shed lets go of all that a resync brings back.
func (q *queue) shed() {
	kept := q.frames[:0]
	q.bytes = 0
	for _, f := range q.frames {
		if f.peer != nil && f.class != room.Event {
			q.fallBehind(f.peer)
			continue
		}
		kept = append(kept, f)
		q.bytes += len(f.frame)
	}
	clear(q.frames[len(kept):])
	q.frames = kept
}

func (q *queue) fallBehind(p *peer) {
	if q.behind == nil {
		q.behind = map[*peer]bool{}
	}
	q.behind[p] = true
}

// fill hands frames to Melody.
func (q *queue) fill() {
	for q.flying < window && len(q.frames) > 0 {
		f := q.frames[0]
		q.frames[0] = queued{}
		q.frames = q.frames[1:]
		q.bytes -= len(f.frame)
		if q.write(f.frame) != nil {
			q.end()
			return
		}
		q.flying++
	}
}

// sent takes note that Melody has written a frame. Called on the connection's
// writing goroutine: asking a room for a resync may block there.
func (q *queue) sent() {
	q.mu.Lock()
	q.flying--
	now := time.Now()
	q.lastSent = now
	q.fill()
	drained := q.flying == 0 && len(q.behind) > 0 && !q.closed && q.later == nil
	wait := resyncEvery - now.Sub(q.lastResync)
	if drained && wait > 0 {
		q.later = time.AfterFunc(wait, q.resync)
	}
	q.mu.Unlock()
	if drained && wait <= 0 {
		q.resync()
	}
}

// resync gives the peers that are behind everything again.
func (q *queue) resync() {
	q.mu.Lock()
	again := q.behind
	q.behind, q.later, q.lastResync = nil, nil, time.Now()
	q.mu.Unlock()
	for p := range again { // none after close
		q.again(p)
	}
}

// quietSince returns when the last frame was written, and whether nothing
// waits now.
func (q *queue) quietSince() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lastSent, q.flying == 0 && !q.closed
}

// end lets go of everything and ends the connection as too slow.
func (q *queue) end() {
	q.drop()
	q.slow()
}

func (q *queue) drop() {
	q.closed = true
	if q.later != nil {
		q.later.Stop()
	}
	q.frames, q.bytes, q.behind = nil, 0, nil
}

// close makes later pushes do nothing.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop()
}
