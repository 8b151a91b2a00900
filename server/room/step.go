package room

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// member is a peer and what the room knows of it.
type member struct {
	peer   Peer
	cursor *Cursor
	seat   int // in the room's roster
	who    PeerInfo
	// clients are the awareness client ids whose voice this peer is; they go
	// when it goes.
	clients map[uint64]bool
	person  *awareness.Person // stamped into them; nil until needed
	// docMessages counts the step 2 and update messages the peer has sent, up to
	// the first that was refused: an ack speaks for all before it.
	docMessages uint64
	refused     bool
	lapse       lapse
	wrote       uint64 // journal record of the peer's last change
}

// state is a ready room without its goroutine: step changes it and says what
// to do, and touches nothing else. Only one goroutine uses it.
type state struct {
	id      store.RoomID
	doc     *crdt.Doc
	aware   *awareness.Set
	voices  voices
	born    time.Time // when the room was loaded
	members roster
	// appended counts the updates handed to the journal, which are those that
	// changed the document: so it is the document's version, too.
	appended uint64
	encoded  encodings
	readOnly bool // the disk takes nothing at the moment
	limits   Limits
	few      [4]effect // what update returns, until it is called again
	silenced bool      // moved has dropped a client over maxClients
	gap      gap
}

// effect is one thing to do after a step, in order.
type effect struct {
	kind   effectKind
	to     *member // say: the author
	body   []byte
	data   []byte // update for the journal and to say; want's state vector
	states []awareness.State
	n      uint64 // ack: the peer's document messages
	answer *answer
	// after is the number of journal records that must be on disk before an
	// ack may leave, or a send that would be taken for one.
	after  uint64
	class  Class
	event  *event.Encoded // send, broadcast: instead of class and body
	code   wire.CloseCode
	reason string
	limit  string // count; closePeer: that is the reason, empty if it is none
}

type effectKind int

const (
	send      effectKind = iota // body to one peer
	broadcast                   // body to all peers but to
	say                         // data to all peers but to
	show                        // states to all peers
	showAll                     // everybody's states to one peer
	want                        // what state vector data lacks to one peer
	give                        // answer to one peer, once after is on disk
	journal                     // data to the log
	ack                         // n to one peer, once after is on disk
	refuse                      // tells one peer that its message was dropped
	closePeer
	count // that a limit was hit
)

// command is what happens to a room.
type command struct {
	kind   commandKind
	peer   Peer
	who    PeerInfo // join, grant
	cursor *Cursor  // join
	body   wire.Body
	raw    []byte         // relay
	event  *event.Encoded // broadcastEvent
	read   func(*crdt.Doc)
	now    time.Time
	// failing: whether the disk takes nothing, for storage
	failing bool
	done    chan struct{} // closed when the command has been carried out, if not nil
}

type commandKind int

const (
	join  commandKind = iota
	grant             // the peer's role has changed
	leave
	message
	broadcastEvent // event to everybody
	relay          // raw to everybody but peer
	look           // read looks at the document
	storage        // the disk fails, or does no longer
	tick
)

// awarenessTimeout is after how long of silence a client's awareness goes, as
// in y-protocols.
const awarenessTimeout = 30 * time.Second

// step carries out one command.
func (s *state) step(c command) []effect {
	m := s.members.of(c.peer)
	switch c.kind {
	case join:
		m = &member{peer: c.peer, cursor: c.cursor, who: c.who, clients: map[uint64]bool{}}
		if c.cursor != nil {
			c.cursor.member = m
		}
		s.members.add(m)
		return s.greet(m)
	case grant:
		if m == nil {
			return nil
		}
		m.person = nil
		if m.who = c.who; m.who.Role < auth.Comment {
			return s.forget(m, c.now)
		}
	case leave:
		if m == nil {
			return nil
		}
		s.members.remove(m)
		delete(s.gap.asked, m)
		return s.forget(m, c.now)
	case message:
		if m == nil {
			return nil
		}
		return s.message(m, c.body, c.now)
	case broadcastEvent:
		return []effect{{kind: broadcast, event: c.event}}
	case relay:
		return []effect{{kind: broadcast, to: m, class: Stateless, body: c.raw}}
	case look:
		c.read(s.doc)
	case storage:
		return s.storage(c.failing, c.now)
	case tick:
		s.voices.expire(c.now)
		effects := append(s.overdue(c.now), s.chaseAll(c.now)...)
		if gone := s.aware.Expire(c.now, awarenessTimeout); len(gone) > 0 {
			effects = append(effects, effect{kind: show, states: gone})
		}
		return effects
	}
	return nil
}

// greet asks the peer for what the room lacks and tells it who is here.
func (s *state) greet(m *member) []effect {
	effects := []effect{s.ask(m)}
	if s.readOnly {
		effects = append(effects, effect{kind: send, to: m, event: storageEvents[false]})
	}
	if s.aware.Len() > 0 {
		effects = append(effects, effect{kind: showAll, to: m})
	}
	return effects
}

// forget takes a member's awareness away.
func (s *state) forget(m *member, now time.Time) []effect {
	if len(m.clients) == 0 {
		return nil
	}
	ids := make([]uint64, 0, len(m.clients))
	for id := range m.clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	s.silent(m, now)
	gone := s.aware.Remove(ids, now)
	if len(gone) == 0 {
		return nil
	}
	return []effect{{kind: show, states: gone}}
}

func (s *state) message(m *member, b wire.Body, now time.Time) []effect {
	switch b.Type {
	case wire.TypeSync:
		if b.Sync == ysync.Step1 {
			return s.answer(m, b.Payload)
		}
		return s.update(m, b, now)
	case wire.TypeAwareness:
		return s.moved(m, b.Payload, now)
	case wire.TypeQueryAwareness:
		return []effect{{kind: showAll, to: m}}
	}
	return nil // newer clients may know more types than we do
}

// answer gives a peer what its state vector lacks.
func (s *state) answer(m *member, payload []byte) []effect {
	if _, err := crdt.DecodeStateVector(payload); err != nil {
		return bad(m, err)
	}
	return []effect{{kind: want, to: m, data: payload}}
}

// update applies a change. The others hear of it at once, the journal gets the
// very bytes that came, and the author hears of it once they are on disk.
func (s *state) update(m *member, b wire.Body, now time.Time) []effect {
	mayWrite := m.who.Role >= auth.Write
	known := false
	if !mayWrite || s.readOnly {
		var err error
		if known, err = s.doc.Knows(b.Payload); err != nil {
			return bad(m, err)
		}
	}
	owed := uint64(0)
	if b.Sync == ysync.Step2 {
		owed = m.answered(s.readOnly && !known)
	}
	switch {
	case !mayWrite && !known:
		// A reader's client answers step 1 with what it has, which is often all
		// that we have. What is news is dropped, its client may have tidied up
		// formatting, and no ack may ever count it.
		m.refused = true
		return []effect{{kind: refuse, to: m}}
	case s.readOnly && !known:
		m.lapse.refuse()
		return nil
	}
	m.count()
	effects := s.few[:0]
	changed := false
	if mayWrite {
		if full, err := s.refuses(m, b.Payload); err != nil {
			return bad(m, err)
		} else if full != nil {
			return full
		}
		var err error
		if changed, err = s.doc.ApplyUpdate(b.Payload); err != nil {
			return bad(m, err)
		}
		if changed {
			s.appended++
			update := bytes.Clone(b.Payload) // it is kept for longer than what came with it
			effects = append(effects, effect{kind: journal, data: update}, effect{kind: say, to: m, data: update})
		}
	}
	for range owed {
		effects = append(effects, effect{kind: ack, to: m, n: m.docMessages - 1, after: s.appended})
	}
	effects = append(effects, effect{kind: ack, to: m, n: m.docMessages, after: s.appended})
	if changed {
		effects = s.chase(effects, m, now)
	}
	return effects
}

// moved takes an awareness update. What is news goes to everybody, its sender
// too: for a lone idle y-websocket client the echo is the only sign of life.
// Being seen takes the role to comment; a reader only sees.
func (s *state) moved(m *member, payload []byte, now time.Time) (effects []effect) {
	s.silenced = false
	states, err := awareness.Limits{}.DecodeIf(payload, func(st awareness.State) bool {
		return m.who.Role >= auth.Comment && s.may(m, st, now)
	})
	if err != nil {
		return bad(m, err)
	}
	if free := maxClients - len(m.clients); len(states) > free {
		states = slices.DeleteFunc(states, func(st awareness.State) bool {
			if m.clients[st.ClientID] {
				return false
			}
			free--
			s.silenced = s.silenced || free < 0
			return free < 0
		})
	}
	if s.silenced {
		effects = append(effects, effect{kind: count, limit: "awareness-clients"})
	}
	again := s.returned(states, now)
	stamped := m.stamped(states)
	stirs := s.aware.HasChanges(stamped)
	news := s.aware.Apply(stamped, now)
	if len(news) == 0 {
		return effects
	}
	if p, ok := m.peer.(Toucher); ok && stirs {
		p.Touch()
	}
	s.spoke(m, news, now)
	effects = append(effects, effect{kind: show, states: news})
	if len(again) > 0 {
		body := wire.AppendAwareness(nil, awareness.Append(nil, again))
		effects = append(effects, effect{kind: send, to: m, class: Document, body: body})
	}
	return effects
}

func bad(m *member, err error) []effect {
	e := effect{kind: closePeer, to: m, code: wire.CloseBadFrame, reason: fmt.Sprintf("bad frame: %v", err)}
	switch {
	case errors.Is(err, crdt.ErrPendingFull):
		// Too much waits for updates that have not come: a new sync brings them.
		e.code, e.reason, e.limit = wire.CloseOverload, "too many updates wait for others: come back and sync", "pending"
	case errors.Is(err, crdt.ErrTooLarge):
		e.code, e.reason, e.limit = wire.CloseTooLarge, err.Error(), "document"
	case errors.Is(err, crdt.ErrSubdocuments):
		e.code, e.reason, e.limit = wire.CloseTooLarge, "the document has too many subdocuments", "subdocuments"
	case errors.Is(err, crdt.ErrTooCostly):
		e.limit = "work"
	case errors.Is(err, lib0.ErrDepth):
		e.limit = "depth"
	case errors.Is(err, awareness.ErrTooLarge), errors.Is(err, awareness.ErrTooMany), errors.Is(err, awareness.ErrDepth):
		e.limit = "awareness-state"
	}
	return []effect{e}
}
