package room

import (
	"slices"
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/room/feed"
	"weft/server/store"
	"weft/server/wire"
)

// state is a loaded room without goroutines, locks and clock. Its method step changes it
// and returns what is to be done:
//
//	(state, command with the time) ──step──▶ (state changed in place, effects)
//
// step is deterministic: the same state and command give the same effects. It calls no
// Peer, which only serves it as a key; room.apply executes the effects. A lint rule holds
// the files of the step to that. One goroutine at a time uses a state, with Room.mu held.
type state struct {
	id      store.RoomID
	doc     *crdt.Doc
	aware   *awareness.Set
	owners  clientOwners
	loaded  time.Time // when the room was loaded
	members roster
	// appended is the number of the last journal record. Only updates that change the
	// document get one, so it is the document's version, too.
	appended uint64
	cache    encodeCache
	readOnly bool // the disk refuses writes
	limits   Limits
	pending  pendingUpdates
	// few is memory for the effects of a message, which are valid until the next one. An
	// update has at most 5, so they take no allocation.
	few [5]effect
	// tooManyClients: with the current message a peer would own more than maxClients clients.
	tooManyClients bool
}

// member is a peer and the room's records about it.
type member struct {
	peer   Peer
	reader *feed.Reader
	seat   int // index in roster.row
	info   PeerInfo
	// clients are the awareness clients that this peer owns, see clients.go.
	clients map[uint64]bool
	person  *awareness.Person // stamped into their states; nil until needed
	// docMessages counts the step 2 and update messages of the peer, up to the first that
	// was refused: an ack of n covers all of the first n.
	docMessages uint64
	refused     bool // a message was refused
	outage      outage
	lastRecord  uint64 // journal record of the peer's last change
}

// newMember returns the member of a peer that is about to join.
func newMember(p Peer, info PeerInfo, r *feed.Reader) *member {
	return &member{peer: p, info: info, reader: r, clients: map[uint64]bool{}}
}

// awarenessTimeout is the silence after which a client's awareness is removed, as in
// y-protocols (outdatedTimeout).
const awarenessTimeout = 30 * time.Second

// step executes one command. The effects are valid until the next call.
func (s *state) step(c command) []effect {
	m := s.members.of(c.peer)
	switch c.kind {
	case commandJoin:
		s.members.add(c.member)
		return s.greet(c.member)
	case commandRead:
		c.read(s.doc)
		return nil
	case commandStorage:
		return s.setReadOnly(c.failing, c.now)
	case commandTick:
		return s.tick(c.now)
	}
	if m == nil {
		return nil // the peer has left, or has not joined
	}
	switch c.kind {
	case commandGrant:
		m.person = nil
		if m.info = c.info; m.info.Role < auth.Comment {
			return s.removeAwareness(m, c.now)
		}
	case commandLeave:
		s.members.remove(m)
		delete(s.pending.asked, m)
		return s.removeAwareness(m, c.now)
	case commandMessage:
		return s.message(m, c.body, c.now)
	}
	return nil
}

// greet asks a new peer for what the room lacks, and gives it everybody's awareness.
func (s *state) greet(m *member) []effect {
	effects := []effect{s.sendStepOne(m)}
	if s.readOnly {
		effects = append(effects, effect{kind: effectSendEvent, to: m, event: readOnlyEvent})
	}
	if s.aware.Len() > 0 {
		effects = append(effects, effect{kind: effectAllAwareness, to: m})
	}
	return effects
}

// tick does what depends on time alone.
func (s *state) tick(now time.Time) []effect {
	s.owners.expire(now)
	effects := append(s.closeOverdue(now), s.askAll(now)...)
	if gone := s.aware.Expire(now, awarenessTimeout); len(gone) > 0 {
		effects = append(effects, effect{kind: effectAwareness, states: gone})
	}
	return effects
}

// removeAwareness removes the awareness of a member's clients.
func (s *state) removeAwareness(m *member, now time.Time) []effect {
	if len(m.clients) == 0 {
		return nil
	}
	ids := make([]uint64, 0, len(m.clients))
	for id := range m.clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	s.releaseClients(m, now)
	gone := s.aware.Remove(ids, now)
	if len(gone) == 0 {
		return nil
	}
	return []effect{{kind: effectAwareness, states: gone}}
}

// message executes one message of a peer.
func (s *state) message(m *member, b wire.Body, now time.Time) []effect {
	switch b.Type {
	case wire.TypeSync:
		return s.syncMessage(m, b, now)
	case wire.TypeAwareness:
		return s.applyAwareness(m, b.Payload, now)
	case wire.TypeQueryAwareness:
		return []effect{{kind: effectAllAwareness, to: m}}
	}
	return nil // newer clients may send types that this server does not know
}
