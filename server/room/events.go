package room

import (
	"errors"
	"sync"
	"time"

	"weft/crdt"
	"weft/server/event"
	"weft/server/internal/signal"
)

// Events are independent of the document, so they take a shorter way than commands:
//
//	Broadcast, Relay ──▶ [ event queue, 4 MiB ] ──▶ Deliver of each peer
//
// They pass through no step, wait for no disk, and their senders do not wait for the
// room. In a small room that is at rest the sender delivers them itself.

const (
	// maxEventBytes bounds the queued events. A busy machine may leave a room alone for a
	// good while, and a crowd that joins and leaves makes a thousand small events a second.
	maxEventBytes = 4 << 20
	// maxRelayBytes of queued events make the sender of a relayed event wait, which keeps
	// clients from filling the queue.
	maxRelayBytes = 1 << 20
)

var errEventsFull = errors.New("room: the event queue is full: the room does not keep up with its events")

// queuedEvent is an event, or a stateless message, for all peers but one.
type queuedEvent struct {
	event     *event.Encoded
	stateless []byte // if event is nil
	except    Peer   // nil: all peers
}

// size returns the number of bytes that an event counts for: the length of its native form.
func (e queuedEvent) size() int {
	if e.event != nil {
		return len(e.event.Native())
	}
	return len(e.stateless)
}

// eventQueue holds events that are not delivered yet. Safe for concurrent use.
type eventQueue struct {
	added signal.Signal

	mu     sync.Mutex
	events []queuedEvent
	bytes  int // in events
}

func newEventQueue() *eventQueue { return &eventQueue{added: signal.New()} }

// put adds an event, unless more than limit bytes are queued. It never waits.
func (q *eventQueue) put(e queuedEvent, limit int) (added bool) {
	size := e.size() // may encode the event, so before the lock
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes > limit {
		return false
	}
	q.events = append(q.events, e)
	q.bytes += size
	q.added.Set()
	return true
}

// take returns all queued events, in order.
func (q *eventQueue) take() []queuedEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events, q.bytes = nil, 0
	return events
}

// Broadcast delivers an event to every peer. Events of one caller keep their order.
// It does not wait: a room that has maxEventBytes of undelivered events ends, and its
// peers reconnect.
func (r *Room) Broadcast(ev *event.Encoded) {
	e := queuedEvent{event: ev}
	if !r.tryDeliverInline(e) && !r.events.put(e, maxEventBytes) {
		r.end(errEventsFull)
	}
}

// Relay delivers a stateless message to every peer but one, which need not be in the room.
// Messages of one caller keep their order. While maxRelayBytes of events are undelivered it
// waits, until the room has ended.
func (r *Room) Relay(from Peer, body []byte) {
	e := queuedEvent{stateless: body, except: from}
	for !r.tryDeliverInline(e) && !r.events.put(e, maxRelayBytes) {
		if !r.waitForTurn() {
			return
		}
	}
}

// waitForTurn waits until the room's goroutine has delivered the queued events. It returns
// false if the room has ended.
func (r *Room) waitForTurn() bool {
	done := make(chan struct{})
	r.queue(queuedCommand{command: command{kind: commandRead, read: func(*crdt.Doc) {}, now: time.Now()}, done: done})
	select {
	case <-done:
		return true
	case <-r.stopped:
		return false
	}
}

// tryDeliverInline delivers an event on the caller's goroutine, after those that are queued,
// if nobody else works for the room and the room is small.
func (r *Room) tryDeliverInline(e queuedEvent) (delivered bool) {
	if !r.mu.TryLock() {
		return false
	}
	defer r.mu.Unlock()
	if r.over || r.state.members.len() > smallRoom || time.Now().Before(r.slowUntil) {
		return false
	}
	defer r.recoverInline(&delivered)
	r.deliverEvents()
	r.deliverEvent(e)
	return true
}

// deliverEvents delivers the queued events. mu is held.
func (r *Room) deliverEvents() {
	for _, e := range r.events.take() {
		r.deliverEvent(e)
	}
}

func (r *Room) deliverEvent(e queuedEvent) {
	for _, s := range r.state.members.row {
		switch {
		case s.peer == e.except:
		case e.event != nil:
			s.peer.DeliverEvent(e.event)
		default:
			s.peer.Deliver(Stateless, e.stateless)
		}
	}
}
