package room

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weft/presence/awareness"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// Room is one live room: a document, its awareness, and the peers in it. The
// methods give it commands and are safe for concurrent use. Who finds the room at
// rest carries its command out itself, as handing it over would cost more than
// most commands do; otherwise it waits for the room's goroutine, and while the
// queue is full so does the socket it came from.
type Room struct {
	id store.RoomID
	// commands are taken out with mu held, so that each peer's keep their order.
	commands chan *command // pointers, since a queue's memory is there before it is used
	queued   chan struct{} // holds a token when there may be some
	// events do not wait for the disk as commands may, nor their senders for
	// the room.
	events  *events
	broken  chan error // gets why the room must end
	stopped chan struct{}
	journal *Journal
	durable *durable
	log     *slog.Logger

	hit       func(limit string)
	memory    *atomic.Int64 // of all rooms
	accounted atomic.Int64  // this room's part of it
	caught    *caughtUp     // of all rooms

	feed    *feed
	waiting waiting

	mu       sync.Mutex // held by who works for the room
	over     bool       // nobody may work for it any more
	warned   bool       // that the document is large
	slow     time.Time  // until then commands are for the room's goroutine: one took long
	state    *state
	flow     flow
	unfolded length // the stored log's, or more: it does not hear of folds
}

const (
	// commandQueue bounds what a halted room holds, at up to 1 MiB a command.
	commandQueue = 32
	tickEvery    = 3 * time.Second
)

// ID returns the room's id.
func (r *Room) ID() store.RoomID { return r.id }

// Join adds a peer: it is greeted with step 1 and the awareness known. When
// Join returns nil, the peer hears everything that is broadcast; ErrClosed says
// that the room has ended.
func (r *Room) Join(p Peer, who PeerInfo) error {
	joined := make(chan struct{})
	r.do(command{kind: join, peer: p, who: who, cursor: r.feed.cursor(p.Echoes()), done: joined})
	select {
	case <-joined:
		return nil
	case <-r.stopped:
		return ErrClosed
	}
}

// Grant changes what a peer may do, and its name. What it has sent before is
// judged by what it might do then.
func (r *Room) Grant(p Peer, who PeerInfo) { r.do(command{kind: grant, peer: p, who: who}) }

// Leave takes a peer and its awareness away. It may be called twice.
func (r *Room) Leave(p Peer) { r.do(command{kind: leave, peer: p}) }

// Receive gives the room a body from a peer, which it keeps.
func (r *Room) Receive(p Peer, b wire.Body) { r.do(command{kind: message, peer: p, body: b}) }

// Relay gives a body to every peer but one, who need not be in the room.
func (r *Room) Relay(from Peer, body []byte) { r.do(command{kind: relay, peer: from, raw: body}) }

// Broadcast delivers an event to every peer. It does not wait: a room that
// has not got round to eventBytes of them ends, and its peers come back.
func (r *Room) Broadcast(e *event.Encoded) {
	if !r.events.put(e) {
		r.end(errors.New("room: it does not keep up with its events"))
	}
}

// end makes the room end, with its peers told to come back. Only the first
// reason counts.
func (r *Room) end(reason error) {
	select {
	case r.broken <- reason:
	default:
	}
}

// crowded is Journal.full for a room that writes. One that is read-only adds nothing
// to the journal, and goes on: else nobody would read its sockets, or notice that
// one has ended, for as long as the disk takes nothing. It is called with mu held, or
// on the room's goroutine, which alone changes readOnly.
func (r *Room) crowded() <-chan struct{} {
	if r.state.readOnly {
		return nil
	}
	return r.journal.full()
}

// newRoom makes the room of a document.
func newRoom(id store.RoomID, stored loaded, h *Hub) *Room {
	doc := stored.doc
	doc.LimitSubdocuments(h.limits.Subdocs)
	r := &Room{
		id: id, commands: make(chan *command, commandQueue), queued: make(chan struct{}, 1), events: newEvents(),
		broken: make(chan error, 1), stopped: make(chan struct{}),
		journal: h.journal, durable: newDurable(), log: h.log, hit: h.hit, memory: &h.memory, caught: &h.caught, unfolded: stored.log,
		feed: newFeed(doc.StateVector()),
		state: &state{
			id: id, doc: doc, encoded: encodings{full: stored.full}, aware: awareness.NewSet(awareness.Options{}),
			voices: voices{}, born: time.Now(), limits: h.limits,
		},
	}
	if doc.HasPending() {
		r.state.gap.begin(r.state.born)
		r.state.gap.size = doc.Stats().Pending
	}
	r.durable.settled = r.release
	r.flow.timer = time.NewTimer(time.Hour)
	r.account()
	return r
}

// account counts the memory that the document takes now.
func (r *Room) account() {
	st := r.state.doc.Stats()
	now := int64(st.Memory) + roomMemory
	r.memory.Add(now - r.accounted.Swap(now))
	if large := st.Content >= largeContent; large && !r.warned {
		r.log.Warn("a document is large", "room", r.id, "content", st.Content, "structs", st.Structs)
		r.warned = large
	}
}

// run is the room's goroutine. It ends when ctx does, after what was accepted
// is on disk. An error says that it ended for another reason, with its peers
// closed; store.ErrCorrupt, that its stored document is damaged.
//
// A panic is a bug: the room ends with it, alone, and its peers come back to what
// is stored.
func (r *Room) run(ctx context.Context) (err error) {
	defer close(r.stopped)
	defer func() { r.memory.Add(-r.accounted.Load()) }()
	defer func() {
		if p := recover(); p != nil {
			r.mu.Lock()
			r.failed(p)
			r.mu.Unlock()
			r.settle()
		}
	}()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	timer := r.flow.timer
	defer timer.Stop()
	changed, trouble := r.journal.health()
	r.work(func() { r.health(trouble) })
	for {
		queued, roomy := r.queued, r.crowded()
		var lighter <-chan struct{}
		switch {
		case r.heavy():
			queued, lighter = nil, r.durable.moved
		case roomy != nil:
			queued = nil
		case len(r.commands) > 0: // not taken before, and their token may be gone
			token(queued)
		}
		select {
		case <-queued:
			r.work(r.carryQueued)
		case <-r.events.more:
			r.work(func() {
				for _, e := range r.events.take() {
					r.carry(command{kind: broadcastEvent, event: e, now: time.Now()})
				}
			})
		case <-roomy:
		case <-lighter:
		case <-changed:
			r.release() // the acks first
			changed, trouble = r.journal.health()
			r.work(func() { r.health(trouble) })
		case <-r.durable.broken:
			r.work(func() { r.finish("the room is damaged on disk") })
			return r.durable.failed()
		case <-r.feed.asked:
			r.work(r.serve)
		case <-timer.C:
			r.work(func() { r.flow.armed = time.Time{} })
		case now := <-ticker.C:
			r.work(func() {
				r.account()
				r.apply(r.state.step(command{kind: tick, now: now}))
				r.tidy(now)
			})
		case err := <-r.broken:
			r.log.Error("closing a room", "room", r.id, "err", err)
			r.work(func() { r.finish("the room is overloaded: come back") })
			r.settle()
			if err == errFailed {
				err = nil
			}
			return err
		case <-ctx.Done():
			r.work(r.drain)
			r.settle()
			return nil
		}
	}
}

// work does something for the room and tells its peers what is new.
func (r *Room) work(something func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		something()
		r.tell()
	}
}

// health tells the state whether updates can be written.
func (r *Room) health(trouble error) {
	if (trouble != nil) != r.state.readOnly {
		r.apply(r.state.step(command{kind: storage, failing: trouble != nil, now: time.Now()}))
	}
}

// finish closes all peers and lets nobody work for the room any more.
func (r *Room) finish(reason string) {
	r.over = true
	r.closeAll(reason)
}

func (r *Room) closeAll(reason string) {
	for _, s := range r.state.members.row {
		s.peer.Close(wire.CloseOverload, reason)
	}
}

// drain carries out what has arrived.
func (r *Room) drain() {
	r.carryQueued()
	r.over = true
}

// deliver gives a peer what a send or broadcast carries.
func (e *effect) deliver(to Peer) {
	if e.event != nil {
		to.DeliverEvent(e.event)
		return
	}
	to.Deliver(e.class, e.body)
}

func (r *Room) apply(effects []effect) {
	for _, e := range effects {
		switch e.kind {
		case send:
			e.deliver(e.to.peer)
		case broadcast:
			for _, s := range r.state.members.row {
				if s.member != e.to {
					e.deliver(s.peer)
				}
			}
		case say:
			r.say(e.to, e.data)
		case show:
			r.feed.note(e.states, time.Now())
			r.flow.moved = true
		case showAll:
			r.feed.showAll(e.to.cursor)
			e.to.peer.Wake(e.to.cursor)
		case want:
			r.feed.want(e.to.cursor, e.data)
			e.to.peer.Wake(e.to.cursor)
		case give, ack:
			r.once(owed{e.to, e.after, e.n, e.answer})
		case journal:
			r.unfolded.records++
			r.unfolded.bytes += len(e.data)
			r.journal.add(record{
				update: store.Update{Room: r.id, Data: e.data}, room: r.durable, n: r.state.appended,
			})
		case refuse:
			e.to.peer.Refused()
		case count:
			r.hit(e.limit)
			if e.reason != "" {
				r.log.Warn(e.reason, "room", r.id)
			}
		case closePeer:
			if e.limit != "" {
				r.hit(e.limit)
			}
			r.log.Info("closing a peer", "room", r.id, "code", int(e.code), "reason", e.reason)
			e.to.peer.Close(e.code, e.reason)
			r.apply(r.state.step(command{kind: leave, peer: e.to.peer, now: time.Now()}))
		}
	}
}
