package room

import (
	"time"

	"weft/server/wire"
)

const (
	// A room of at most smallRoom peers that were last woken at least atRest ago executes
	// commands inline, on the caller's goroutine.
	smallRoom = 32
	atRest    = time.Millisecond
	// After a command that takes longInline or longer, the room executes nothing inline for
	// slowFor. On a busy machine any command may take that long.
	longInline = 10 * time.Millisecond
	slowFor    = time.Minute
	// TryReceive executes inline only messages of at most shortMessage bytes in a document of
	// at most smallDoc structs. Deleting all of those takes about 2 ms.
	shortMessage = 1 << 10
	smallDoc     = 50_000
)

// inlineWork says what a caller may execute inline.
type inlineWork int

const (
	inlineAny   inlineWork = iota // the command, and those that are queued before it
	inlineShort                   // the command alone, and only in a small document
)

// queuedCommand is a command in the room's queue.
type queuedCommand struct {
	command
	done chan struct{} // closed when the command has been executed; nil: nobody waits
}

// do executes a command, or queues it.
func (r *Room) do(c queuedCommand) {
	c.now = time.Now()
	if !r.tryRunInline(c, inlineAny) {
		r.queue(c)
	}
}

// queue leaves a command to the room's goroutine. It waits while the queue is full, until
// the room has ended.
func (r *Room) queue(c queuedCommand) {
	select {
	case r.commands <- &c:
		r.queued.Set()
	case <-r.stopped:
	}
}

// TryReceive is Receive for a caller that must not wait: it returns false, and has done
// nothing, if the queue is full. It executes inline what should be short; a large message,
// or one for a large or slow document, is left to the room's goroutine.
func (r *Room) TryReceive(p Peer, b wire.Body, now time.Time) bool {
	c := queuedCommand{command: command{kind: commandMessage, peer: p, body: b, now: now}}
	return len(b.Payload) <= shortMessage && r.tryRunInline(c, inlineShort) || r.tryQueue(c)
}

// tryQueue leaves a command to the room's goroutine, unless the queue is full.
func (r *Room) tryQueue(c queuedCommand) bool {
	select {
	case r.commands <- &c:
		r.queued.Set()
		return true
	default:
		return false
	}
}

// tryRunInline executes a command on the caller's goroutine, after those that are queued,
// which may be of the same peer. It does not if
//
//   - another goroutine works for the room, or the room has ended;
//   - the room takes no commands, as too much waits for the disk;
//   - the room is large, busy or slow: while its goroutine writes to the peers, commands that
//     arrive meanwhile gather in the queue, and their updates become one frame;
//   - work is inlineShort, and commands are queued or the document is large.
func (r *Room) tryRunInline(c queuedCommand, work inlineWork) (done bool) {
	if !r.mu.TryLock() {
		return false
	}
	defer r.mu.Unlock()
	if r.over || c.now.Before(r.slowUntil) || r.state.members.len() > smallRoom || c.now.Sub(r.flush.lastWake) < atRest || r.durable.isFull() || r.journalFull() != nil {
		return false
	}
	if work == inlineShort && (len(r.commands) > 0 || r.state.doc.Stats().Structs > smallDoc) {
		return false
	}
	defer r.recoverInline(&done)
	r.runQueued()
	r.runCommand(c)
	r.flushDue()
	if time.Since(c.now) >= longInline {
		r.slowUntil = c.now.Add(slowFor)
	}
	return true
}

// recoverInline ends the room if inline work panics, and sets *done. It is deferred, with
// mu held.
func (r *Room) recoverInline(done *bool) {
	if p := recover(); p != nil {
		r.fail(p)
		r.end(errFailed)
		*done = true
	}
}

// runQueued delivers the queued events and executes the queued commands. mu is held.
func (r *Room) runQueued() {
	r.deliverEvents()
	for range len(r.commands) {
		r.runCommand(*<-r.commands) // only the holder of mu receives
	}
}

// runCommand executes a command. mu is held.
func (r *Room) runCommand(c queuedCommand) {
	r.apply(r.state.step(c.command))
	clear(r.state.few[:]) // an update in an effect may be large
	if c.done != nil {
		close(c.done)
	}
}
