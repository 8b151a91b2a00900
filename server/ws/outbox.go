package ws

import (
	"slices"
	"sync"
	"sync/atomic"
)

// outbox is what waits for one connection: frames that must arrive, in order,
// and peers whose rooms have more for them. Of the latter only the position is
// kept; their frame is made when the connection can carry it, of all that is
// new by then.
//
// A frame is written at once, by whoever has it, as long as the socket takes it
// without waiting (see socket); otherwise Melody gets it, which may wait. Melody
// drops silently what exceeds its own buffer, so it is given one frame at a time;
// when it has written that the next follows, on the same goroutine. A connection
// ends when it is full of what must arrive, or (in Melody) when one
// frame takes longer than writeWait.
type outbox struct {
	// write writes a frame at once, or else hands it to Melody, which says when
	// it is sent; does not block.
	write func(frame []byte) (sent bool, err error)

	mu       sync.Mutex
	spoke    atomic.Bool // a frame has left since quiet was last asked
	flying   bool        // Melody has a frame, or somebody is about to write one
	peersDue bool        // the next frame is a peer's, if one is ready
	closed   bool
	ready    []*peer  // each once; a peer is asked for one frame when its turn comes
	frames   [][]byte // must arrive
	bytes    int      // in frames

	slow  func() // ends the connection; does not block
	limit *limits
}

// push queues a frame that must arrive. It never blocks.
func (o *outbox) push(frame []byte) {
	o.put(frame)
	o.kick()
}

// put is push, but for handing Melody the frame: kick does that. Unlike push it
// may be called with a peer locked.
func (o *outbox) put(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case o.limit.full(o.bytes, len(o.frames)):
		o.drop()
		o.slow()
	default:
		o.frames = append(o.frames, frame)
		o.bytes += len(frame)
	}
}

// kick hands Melody the next frame if it has none.
func (o *outbox) kick() {
	o.mu.Lock()
	if o.closed || len(o.frames) == 0 {
		o.mu.Unlock()
		return
	}
	o.start()
}

// wake says that a peer has something. It never blocks.
func (o *outbox) wake(p *peer) {
	o.mu.Lock()
	if o.closed || slices.Contains(o.ready, p) {
		o.mu.Unlock()
		return
	}
	o.ready = append(o.ready, p)
	o.start()
}

// start hands Melody a frame if it has none. It is called with mu held, and
// gives it back.
func (o *outbox) start() {
	fly := !o.flying
	o.flying = true
	o.mu.Unlock()
	if fly {
		o.next()
	}
}

// sent takes note that Melody has written a frame.
func (o *outbox) sent() { o.next() }

// next writes frames until there is none, or Melody has one. Only who has set
// flying, or has been told that the frame was sent, calls it.
func (o *outbox) next() {
	for {
		frame, p := o.pick()
		if p != nil {
			var more bool
			if frame, more = p.next(); frame == nil {
				continue // it wakes again when it has more
			}
			o.spoke.Store(true)
			if more {
				o.again(p)
			}
		}
		if frame == nil {
			return
		}
		sent, err := o.write(frame)
		switch {
		case err != nil:
			o.mu.Lock()
			o.drop()
			o.mu.Unlock()
			o.slow()
			return
		case !sent:
			return
		}
	}
}

// pick returns the next frame, or the peer to ask for one, or neither: then
// nothing flies any more.
func (o *outbox) pick() (frame []byte, p *peer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.ready) > 0 && (o.peersDue || len(o.frames) == 0):
		p = o.ready[0]
		o.ready = slices.Delete(o.ready, 0, 1)
		o.peersDue = false
	case len(o.frames) > 0:
		frame = o.frames[0]
		o.frames[0] = nil
		if o.frames = o.frames[1:]; len(o.frames) == 0 {
			o.frames = nil
		}
		o.bytes -= len(frame)
		o.peersDue = true
		o.spoke.Store(true)
	default:
		o.flying = false
	}
	return frame, p
}

// again puts a peer that may have more at the end of those that are ready.
func (o *outbox) again(p *peer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && !slices.Contains(o.ready, p) {
		o.ready = append(o.ready, p)
	}
}

// quiet tells whether nothing has left since it was last asked, and nothing waits.
func (o *outbox) quiet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.spoke.Swap(false) && !o.flying && !o.closed
}

func (o *outbox) drop() {
	o.closed = true
	o.frames, o.bytes, o.ready = nil, 0, nil
}

// close lets go of everything; later pushes do nothing.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
}
