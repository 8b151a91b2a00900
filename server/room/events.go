package room

import "sync"

// eventBytes bounds the events that wait for a room. A busy machine may leave a
// room alone for a good while, and a crowd that comes and goes makes a thousand
// small ones a second.
const eventBytes = 4 << 20

// events is what waits to be broadcast. Putting never waits.
type events struct {
	more chan struct{} // holds a token when there are some

	mu     sync.Mutex
	bodies [][]byte
	bytes  int
}

func newEvents() *events { return &events{more: make(chan struct{}, 1)} }

// put reports false when too much waits already.
func (e *events) put(body []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bytes > eventBytes {
		return false
	}
	e.bodies = append(e.bodies, body)
	e.bytes += len(body)
	select {
	case e.more <- struct{}{}:
	default:
	}
	return true
}

// take returns all that waits, in order.
func (e *events) take() [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	bodies := e.bodies
	e.bodies, e.bytes = nil, 0
	return bodies
}
