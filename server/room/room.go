package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/store"
	"weft/server/wire"
)

// Room is one live room: a document, its awareness, and the peers in it. One
// goroutine owns them; the methods send it commands and are safe for
// concurrent use. A command waits while the room's queue is full, which holds
// up the socket it came from.
type Room struct {
	id       store.RoomID
	commands chan *command // pointers, since a queue's memory is there before it is used
	// events do not wait for the disk as commands may, nor their senders for
	// the room.
	events  *events
	broken  chan error // gets why the room must end
	stopped chan struct{}
	journal *Journal
	durable *durable
	log     *slog.Logger

	memory    *atomic.Int64 // of all rooms
	accounted atomic.Int64  // this room's part of it

	// Owned by the goroutine.
	warned  bool // that the document is large
	state   *state
	waiting []effect // acks, and answers alike, whose records are not on disk yet, in order
	bytes   int      // in waiting
	feed    *feed
	flow    flow
}

const (
	// commandQueue bounds what a halted room holds, at up to 1 MiB a command.
	commandQueue = 32
	// maxWaiting is how many bytes may wait for the disk before the room
	// stops reading commands; an ack counts for ackSize besides its body.
	maxWaiting = 8 << 20
	ackSize    = 200
	tickEvery  = 3 * time.Second
)

// ID returns the room's id.
func (r *Room) ID() store.RoomID { return r.id }

// Join adds a peer: it is greeted with step 1 and the awareness known. When
// Join returns nil, the peer hears everything that is broadcast; ErrClosed says
// that the room has ended.
func (r *Room) Join(p Peer, who Who) error {
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
func (r *Room) Grant(p Peer, who Who) { r.do(command{kind: grant, peer: p, who: who}) }

// Leave takes a peer and its awareness away. It may be called twice.
func (r *Room) Leave(p Peer) { r.do(command{kind: leave, peer: p}) }

// Receive gives the room a body from a peer, which it keeps.
func (r *Room) Receive(p Peer, b wire.Body) { r.do(command{kind: message, peer: p, body: b}) }

// Relay gives a body to every peer but one, who need not be in the room.
func (r *Room) Relay(from Peer, body []byte) { r.do(command{kind: relay, peer: from, raw: body}) }

// Broadcast delivers an event body to every peer. It does not wait: a room that
// has not got round to eventBytes of them ends, and its peers come back.
func (r *Room) Broadcast(body []byte) {
	if !r.events.put(body) {
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

func (r *Room) do(c command) {
	c.now = time.Now()
	select {
	case r.commands <- &c:
	case <-r.stopped:
	}
}

// load reads the stored document. Nothing is served before it has returned.
func load(ctx context.Context, s store.Store, id store.RoomID) (*crdt.Doc, error) {
	stored, err := s.LoadDoc(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("room: load: %w", err)
	}
	return open(stored)
}

// open makes a document of its stored parts.
func open(stored store.Doc) (*crdt.Doc, error) {
	doc := crdt.New(crdt.Options{})
	if stored.Snapshot != nil {
		if _, err := doc.ApplyStored(stored.Snapshot); err != nil {
			return nil, fmt.Errorf("room: load: snapshot: %w: %w", store.ErrCorrupt, err)
		}
	}
	for i, update := range stored.Log {
		if _, err := doc.ApplyStored(update); err != nil {
			return nil, fmt.Errorf("room: load: log record %d of %d: %w: %w", i+1, len(stored.Log), store.ErrCorrupt, err)
		}
	}
	return doc, nil
}

func newRoom(id store.RoomID, doc *crdt.Doc, h *Hub) *Room {
	r := &Room{
		id: id, commands: make(chan *command, commandQueue), events: newEvents(),
		broken: make(chan error, 1), stopped: make(chan struct{}),
		journal: h.journal, durable: newDurable(), log: h.log, memory: &h.memory,
		feed:  newFeed(doc.StateVector()),
		state: &state{id: id, doc: doc, aware: awareness.NewSet(awareness.Options{}), voices: voices{}, born: time.Now(), members: map[Peer]*member{}, limits: h.limits},
	}
	r.account()
	return r
}

// account counts the memory that the document takes now.
func (r *Room) account() {
	st := r.state.doc.Stats()
	r.memory.Add(int64(st.Memory) - r.accounted.Swap(int64(st.Memory)))
	if large := st.Content >= largeContent; large && !r.warned {
		r.log.Warn("a document is large", "room", r.id, "content", st.Content, "structs", st.Structs)
		r.warned = large
	}
}

// run is the room's goroutine. It ends when ctx does, after what was accepted
// is on disk. An error says that it ended for another reason, with its peers
// closed; store.ErrCorrupt, that its stored document is damaged.
//
// A panic is a bug, and what is in memory can't be trusted after it: the room
// ends with it, alone, and its peers come back to what is stored.
func (r *Room) run(ctx context.Context) (err error) {
	defer close(r.stopped)
	defer func() { r.memory.Add(-r.accounted.Load()) }()
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("panic in a room; closing it", "room", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r.closeAll("the room failed: come back")
			r.settle()
		}
	}()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	changed, trouble := r.journal.health()
	r.health(trouble)
	r.flow.timer = time.NewTimer(time.Hour)
	defer r.flow.timer.Stop()
	for {
		commands, roomy := r.commands, r.journal.full()
		if r.bytes > maxWaiting || roomy != nil {
			commands = nil
		}
		select {
		case c := <-commands:
			r.carry(*c)
		case <-r.events.more:
			for _, body := range r.events.take() {
				r.carry(command{kind: broadcastEvent, raw: body, now: time.Now()})
			}
		case <-roomy:
		case <-changed:
			r.release() // the acks first
			changed, trouble = r.journal.health()
			r.health(trouble)
		case <-r.durable.moved:
			if err := r.durable.failed(); err != nil {
				r.closeAll("the room is damaged on disk")
				return err
			}
			r.release()
		case <-r.feed.asked:
			r.serve()
		case <-r.flow.timer.C:
			r.flow.armed = time.Time{}
		case now := <-ticker.C:
			r.account()
			r.apply(r.state.step(command{kind: tick, now: now}))
			r.tidy(now)
		case err := <-r.broken:
			r.log.Error("closing a room", "room", r.id, "err", err)
			r.closeAll("the room is overloaded: come back")
			r.settle()
			return err
		case <-ctx.Done():
			r.drain()
			return nil
		}
		r.tell()
	}
}

func (r *Room) carry(c command) {
	r.apply(r.state.step(c))
	if c.done != nil {
		close(c.done)
	}
}

// health tells the state whether updates can be written.
func (r *Room) health(trouble error) {
	if (trouble != nil) != r.state.readOnly {
		r.apply(r.state.step(command{kind: storage, failing: trouble != nil, now: time.Now()}))
	}
}

func (r *Room) closeAll(reason string) {
	for _, m := range r.state.members {
		m.peer.Close(wire.CloseOverload, reason)
	}
}

// drain carries out what has arrived and waits until it is on disk.
func (r *Room) drain() {
	for {
		select {
		case c := <-r.commands:
			r.carry(*c)
			continue
		default:
		}
		break
	}
	r.settle()
}

// settle waits until what was handed to the journal is on disk, or never will
// be.
func (r *Room) settle() {
	for len(r.waiting) > 0 && r.durable.failed() == nil {
		select {
		case <-r.durable.moved:
			r.release()
		case <-r.journal.given:
			r.release()
			return
		case <-r.journal.done:
			r.release()
			return
		}
	}
}

func (r *Room) apply(effects []effect) {
	for _, e := range effects {
		switch e.kind {
		case send:
			e.to.peer.Deliver(e.class, e.body)
		case broadcast:
			for _, m := range r.state.members {
				if m != e.to {
					m.peer.Deliver(e.class, e.body)
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
		case give:
			if e.after > r.durable.get() {
				r.wait(e)
				continue
			}
			r.give(e.to, e.answer)
		case journal:
			r.journal.add(record{
				update: store.Update{Room: r.id, Data: e.data}, room: r.durable, n: r.state.appended,
			})
		case ack:
			r.wait(e)
			r.release()
		case refuse:
			e.to.peer.Refused()
		case closePeer:
			r.log.Info("closing a peer", "room", r.id, "code", int(e.code), "reason", e.reason)
			e.to.peer.Close(e.code, e.reason)
			r.apply(r.state.step(command{kind: leave, peer: e.to.peer, now: time.Now()}))
		}
	}
}

func (r *Room) wait(e effect) {
	r.waiting = append(r.waiting, e)
	r.bytes += e.size()
}

// size is what an effect that waits counts for.
func (e effect) size() int {
	n := ackSize
	for _, b := range e.answer.bodies {
		n += len(b.Body)
	}
	return n
}

// release sends what waits for records that are on disk now.
func (r *Room) release() {
	on := r.durable.get()
	r.feed.settled(on)
	n := 0
	for ; n < len(r.waiting) && r.waiting[n].after <= on; n++ {
		e := r.waiting[n]
		r.bytes -= e.size()
		r.waiting[n] = effect{}
		switch {
		case e.kind == give:
			r.give(e.to, e.answer)
		case e.to.cursor.echo:
			e.to.peer.Wake(e.to.cursor)
		default:
			e.to.peer.Acked(e.n)
		}
	}
	if r.waiting = r.waiting[n:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
}

// State returns the document as one Yjs update, V1.
func (r *Room) State(ctx context.Context) (update []byte, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { update = d.EncodeStateAsUpdate(nil) })
	return update, err
}

// JSON returns the document's roots as a JSON object.
func (r *Room) JSON(ctx context.Context) (object []byte, err error) {
	var failed error
	err = r.read(ctx, func(d *crdt.Doc) { object, failed = d.JSON() })
	return object, errors.Join(err, failed)
}

// Text returns the plain text of a root.
func (r *Room) Text(ctx context.Context, root string) (text string, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { text = d.Text(root).String() })
	return text, err
}

// read runs f on the room's goroutine, between commands.
func (r *Room) read(ctx context.Context, f func(*crdt.Doc)) error {
	done := make(chan struct{})
	select {
	case r.commands <- &command{kind: look, read: f, now: time.Now(), done: done}:
	case <-r.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // not for ctx: f may be running
	case <-done:
		return nil
	case <-r.stopped:
		return ErrClosed
	}
}
