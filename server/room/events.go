package room

import (
	"sync"

	"weft/server/event"
)

// eventBytes bounds the events that wait for a room. A busy machine may leave a
// room alone for a good while, and a crowd that comes and goes makes a thousand
// small ones a second.
const eventBytes = 4 << 20

// events is what waits to be broadcast. Putting never waits.
type events struct {
	more chan struct{} // holds a token when there are some

	mu      sync.Mutex
	waiting []*event.Encoded
	bytes   int // of their native forms
}

func newEvents() *events { return &events{more: make(chan struct{}, 1)} }

// put reports false when too much waits already.
func (e *events) put(ev *event.Encoded) bool {
	size := len(ev.Native()) // encoded before the lock is held
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bytes > eventBytes {
		return false
	}
	e.waiting = append(e.waiting, ev)
	e.bytes += size
	select {
	case e.more <- struct{}{}:
	default:
	}
	return true
}

// take returns all that waits, in order.
func (e *events) take() []*event.Encoded {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := e.waiting
	e.waiting, e.bytes = nil, 0
	return waiting
}
