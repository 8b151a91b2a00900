package room

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weft/presence/awareness"
	"weft/server/internal/signal"
	"weft/server/room/feed"
	"weft/server/room/journal"
	"weft/server/store"
	"weft/server/wire"
)

// A Room is one live room: a document, its awareness, and the peers in it. All methods are
// safe for concurrent use.
//
// A method gives the room a command. If the room is at rest, the caller executes the
// command itself (inline), as handing it to the room's goroutine would cost more than most
// commands do. Otherwise it is queued for that goroutine, and while the queue is full the
// caller waits, and with it the socket that the command came from.
type Room struct {
	id store.RoomID
	// commands are received with mu held, so that the commands of a peer keep their order.
	commands chan *queuedCommand // pointers, as the queue's memory is there before it is used
	queued   signal.Signal       // commands is not empty
	events   *eventQueue
	broken   chan error    // receives the reason why the room must end
	stopped  chan struct{} // closed when the room's goroutine has ended
	journal  *journal.Journal
	position *journal.Position // of the room's journal records
	log      *slog.Logger

	onLimit      func(limit string)
	memory       *atomic.Int64 // bytes that all rooms take
	accounted    atomic.Int64  // bytes that this room takes, as part of memory
	catchUps     *catchUps     // of all rooms
	pendingSince atomic.Int64  // when updates became pending, in Unix ns; 0: none are

	feed    *feed.Feed
	durable durableQueue

	mu        sync.Mutex // held by the goroutine that works for the room
	over      bool       // nobody may work for the room any more
	warned    bool       // of a large document
	slowUntil time.Time  // until then nothing is executed inline, as that took long once
	state     *state
	flush     flush
	logSize   logSize // of the stored log, or more, as the room does not learn of compactions
}

const (
	// commandQueue bounds the queued commands, each of up to 1 MiB for updates and 16 MiB
	// for step 2.
	commandQueue = 32
	tickEvery    = 3 * time.Second
	// largeContent is the content of a document, in bytes, from which on the log warns.
	largeContent = 10 << 20
)

// ID returns the room's id.
func (r *Room) ID() store.RoomID { return r.id }

// Join adds a peer. The room sends it sync step 1 and the known awareness. When Join
// returns nil, the peer gets everything that is broadcast from then on. ErrClosed says
// that the room has ended.
func (r *Room) Join(p Peer, info PeerInfo) error {
	joined := make(chan struct{})
	reader := r.feed.NewReader(feed.ReaderOptions{Echo: p.Echoes(), Owner: p})
	r.do(queuedCommand{command{kind: commandJoin, peer: p, member: newMember(p, info, reader)}, joined})
	select {
	case <-joined:
		return nil
	case <-r.stopped:
		return ErrClosed
	}
}

// Grant changes a peer's role and name. Messages that it sent before are judged by its
// role at that time.
func (r *Room) Grant(p Peer, info PeerInfo) {
	r.do(queuedCommand{command: command{kind: commandGrant, peer: p, info: info}})
}

// Leave removes a peer and its awareness. A peer that is not in the room is ignored.
func (r *Room) Leave(p Peer) {
	r.do(queuedCommand{command: command{kind: commandLeave, peer: p}})
}

// Receive gives the room a message from a peer. The room keeps the body's bytes. Messages
// of one peer are executed in order.
func (r *Room) Receive(p Peer, b wire.Body) {
	r.do(queuedCommand{command: command{kind: commandMessage, peer: p, body: b}})
}

// end makes the room end and close its peers, which reconnect. Only the first reason
// counts. It does not wait.
func (r *Room) end(reason error) {
	select {
	case r.broken <- reason:
	default:
	}
}

// journalFull returns nil if the room may take commands, or a channel that is closed when
// the journal has space again. A read-only room adds nothing to the journal and goes on:
// otherwise nobody would read its sockets, or notice that one is dead, for as long as the
// disk fails. It is called with mu held, or on the room's goroutine, which alone changes
// readOnly.
func (r *Room) journalFull() <-chan struct{} {
	if r.state.readOnly {
		return nil
	}
	return r.journal.Full()
}

// newRoom returns the room of a loaded document; the caller starts run.
func newRoom(id store.RoomID, stored loaded, h *Hub) *Room {
	doc := stored.doc
	doc.LimitSubdocuments(h.limits.Subdocs)
	r := &Room{
		id: id, commands: make(chan *queuedCommand, commandQueue), queued: signal.New(), events: newEventQueue(),
		broken: make(chan error, 1), stopped: make(chan struct{}),
		journal: h.journal, log: h.log, onLimit: h.onLimit, memory: &h.memory, catchUps: &h.catchUps, logSize: stored.log,
		feed: feed.New(doc.StateVector()),
		state: &state{
			id: id, doc: doc, cache: encodeCache{stored: stored.full}, aware: awareness.NewSet(awareness.Options{}),
			owners: clientOwners{}, loaded: time.Now(), limits: h.limits,
		},
	}
	r.position = journal.NewPosition(r.deliverDurable)
	if doc.HasPending() {
		r.state.pending.begin(r.state.loaded)
		r.state.pending.size = doc.Stats().Pending
		r.setPendingSince(r.state.loaded)
	}
	r.flush.timer = time.NewTimer(time.Hour)
	r.account()
	return r
}

// account updates the memory that the room takes, and warns once of a large document.
func (r *Room) account() {
	st := r.state.doc.Stats()
	now := int64(st.Memory) + roomMemory
	r.memory.Add(now - r.accounted.Swap(now))
	if st.Content >= largeContent && !r.warned {
		r.log.Warn("room: a document is large", "room", r.id, "content", st.Content, "structs", st.Structs)
		r.warned = true
	}
}

// setPendingSince publishes since when updates are pending; the zero time: none are.
func (r *Room) setPendingSince(at time.Time) {
	if at.IsZero() {
		r.pendingSince.Store(0)
	} else {
		r.pendingSince.Store(at.UnixNano())
	}
}
