package room

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"weft/server/wire"
)

const (
	// A room of at most smallRoom peers that have been told nothing for atRest
	// carries commands out where they come from.
	smallRoom = 32
	atRest    = time.Millisecond
	// A command that took longTurn where it came from, which on a busy machine any
	// may, is the last for slowFor.
	longTurn = 10 * time.Millisecond
	slowFor  = time.Minute
	// What TryReceive carries out: an update of at most shortUpdate bytes in a document
	// of at most shortDoc structs. Deleting all of those takes about 2 ms.
	shortUpdate = 1 << 10
	shortDoc    = 50_000
)

func (r *Room) do(c command) {
	c.now = time.Now()
	if !r.carryNow(c, false) {
		r.queue(c)
	}
}

// TryReceive is Receive if that takes no waiting; otherwise it does nothing and returns
// false. It carries out nothing but this, and only what should be short: what is large,
// or in a large document, is left to the room's goroutine, and so is all for a while
// in a room that once took longTurn.
func (r *Room) TryReceive(p Peer, b wire.Body, now time.Time) bool {
	c := command{kind: message, peer: p, body: b, now: now}
	if len(b.Payload) <= shortUpdate && r.carryNow(c, true) {
		return true
	}
	select {
	case r.commands <- &c:
		token(r.queued)
		return true
	default:
		return false
	}
}

// queue leaves a command to the room's goroutine.
func (r *Room) queue(c command) {
	select {
	case r.commands <- &c:
		token(r.queued)
	case <-r.stopped:
	}
}

// carryNow carries a command out on the caller's goroutine, after those that
// wait, which may be of the same peer. It does not if somebody else works for the
// room, if no commands are taken now, or if the room is large or busy: while its
// goroutine tells the peers something, what comes meanwhile gathers in the queue. With
// only, it does neither if others wait, or if the document is large.
func (r *Room) carryNow(c command, only bool) (done bool) {
	if !r.mu.TryLock() {
		return false
	}
	defer r.mu.Unlock()
	if r.over || c.now.Before(r.slow) || r.state.members.len() > smallRoom || c.now.Sub(r.flow.told) < atRest || r.heavy() || r.crowded() != nil {
		return false
	}
	if only && (len(r.commands) > 0 || r.state.doc.Stats().Structs > shortDoc) {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			r.failed(p)
			r.end(errFailed)
			done = true
		}
	}()
	r.carryQueued()
	r.carry(c)
	r.tell()
	if time.Since(c.now) >= longTurn {
		r.slow = c.now.Add(slowFor)
	}
	return true
}

// carryQueued carries out what waits now.
func (r *Room) carryQueued() {
	for range len(r.commands) {
		r.carry(*<-r.commands) // only who holds mu takes any
	}
}

// errFailed says that a room has ended with a bug.
var errFailed = errors.New("room: it has failed")

// failed is called with mu held when somebody has panicked who worked for the room:
// what is in memory can't be trusted any more.
func (r *Room) failed(p any) {
	r.log.Error("panic in a room; closing it", "room", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	r.over = true
	r.closeAll("the room failed: come back")
}

func (r *Room) carry(c command) {
	r.apply(r.state.step(c))
	clear(r.state.few[:]) // an update that it names may be large
	if c.done != nil {
		close(c.done)
	}
}
