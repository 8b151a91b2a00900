package ws

import (
	"slices"
	"sync"
	"sync/atomic"
)

// The reasons with which a sendQueue closes its connection.
const (
	reasonTooSlow     = "too slow: reconnect to catch up"
	reasonWriteFailed = "write failed: reconnect to catch up"
)

// sendQueue has what one connection must be sent: a queue of frames that must arrive, and
// the peers whose rooms have more for them. A peer makes its frame when its turn comes, of
// everything that is new by then.
//
// One frame is being written at a time, by the goroutine that found the queue not
// writing. It writes at once what the kernel takes without blocking (netpoll.TryWrite).
// Otherwise it gives the frame to Melody, whose goroutine may block, and which silently
// drops what exceeds its own buffer; when that frame has been written, Melody's goroutine
// goes on with the next.
//
//	idle ──push, wake──► writing ──write returns false──► with Melody
//	  ◄──nothing left──     ◄────────────sent─────────────
//
// The queue is bounded (Limits.Queue, QueueLen). When it is full, or when Melody needs
// longer than writeWait for a frame, the connection is closed as too slow. No method
// blocks.
type sendQueue struct {
	// write writes a frame at once and returns true, or hands it to Melody, which calls
	// sent when it has written it.
	write func(frame []byte) (sent bool, err error)

	mu        sync.Mutex
	sentSince atomic.Bool // a frame has been taken since isIdle was last called
	writing   bool        // a goroutine is about to write a frame, or Melody has one
	peersTurn bool        // the next frame is a peer's if one is ready, even if frames are queued
	closed    bool
	ready     []*peer  // peers that may have a frame, each once
	frames    [][]byte // that must arrive
	bytes     int      // in frames

	closeConn func(reason string) // closes the connection; does not block
	limits    *limits
}

// push queues a frame that must arrive.
func (o *sendQueue) push(frame []byte) {
	o.enqueue(frame)
	o.flush()
}

// enqueue queues a frame and does not begin to write it: flush does. Unlike push it may
// be called with a peer's lock held.
func (o *sendQueue) enqueue(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case o.limits.queueIsFull(o.bytes, len(o.frames)):
		o.drop()
		o.closeConn(reasonTooSlow)
	default:
		o.frames = append(o.frames, frame)
		o.bytes += len(frame)
	}
}

// flush begins to write queued frames, unless a frame is being written.
func (o *sendQueue) flush() {
	o.mu.Lock()
	if o.closed || len(o.frames) == 0 {
		o.mu.Unlock()
		return
	}
	o.start()
}

// wake says that a peer may have a frame.
func (o *sendQueue) wake(p *peer) {
	o.mu.Lock()
	if o.closed || slices.Contains(o.ready, p) {
		o.mu.Unlock()
		return
	}
	o.ready = append(o.ready, p)
	o.start()
}

// start begins to write, unless a frame is being written. It is called with mu held and releases it.
func (o *sendQueue) start() {
	begin := !o.writing
	o.writing = true
	o.mu.Unlock()
	if begin {
		o.writeAll()
	}
}

// sent is called by Melody when it has written a frame.
func (o *sendQueue) sent() { o.writeAll() }

// writeAll writes frames until there is none, or Melody has one. Its caller has set
// writing, or Melody has written the frame that it had.
func (o *sendQueue) writeAll() {
	for {
		frame, p := o.pick()
		if p != nil {
			var more bool
			if frame, more = p.next(); frame == nil {
				continue // the peer calls wake when it has more
			}
			o.sentSince.Store(true)
			if more {
				o.requeue(p)
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
			o.closeConn(reasonWriteFailed)
			return
		case !sent:
			return
		}
	}
}

// pick returns the next frame, or the peer to ask for one, or neither: then writing has
// ended. Peers and queued frames take turns.
func (o *sendQueue) pick() (frame []byte, p *peer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.ready) > 0 && (o.peersTurn || len(o.frames) == 0):
		p = o.ready[0]
		o.ready = slices.Delete(o.ready, 0, 1)
		o.peersTurn = false
	case len(o.frames) > 0:
		frame = o.frames[0]
		o.frames[0] = nil
		if o.frames = o.frames[1:]; len(o.frames) == 0 {
			o.frames = nil
		}
		o.bytes -= len(frame)
		o.peersTurn = true
		o.sentSince.Store(true)
	default:
		o.writing = false
	}
	return frame, p
}

// requeue puts a peer that may have more behind the others that are ready.
func (o *sendQueue) requeue(p *peer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && !slices.Contains(o.ready, p) {
		o.ready = append(o.ready, p)
	}
}

// isIdle reports whether nothing is being written, and nothing has been sent since it was
// last called.
func (o *sendQueue) isIdle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.sentSince.Swap(false) && !o.writing && !o.closed
}

// drop discards everything and refuses more. mu is held.
func (o *sendQueue) drop() {
	o.closed = true
	o.frames, o.bytes, o.ready = nil, 0, nil
}

// close discards everything; later calls do nothing.
func (o *sendQueue) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
}
