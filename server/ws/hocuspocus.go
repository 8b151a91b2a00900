package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/problem"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
)

// hocuspocus is the dialect of unmodified Hocuspocus providers 2 to 4: many
// documents, each entered with a token of its own and left on its own. What it
// holds is guarded by conn.work.
type hocuspocus struct {
	conn  *conn
	token string // from the request
	// version of the provider, once it has said so: 4 and later.
	version   string
	documents map[string]*document // by address
	entered   int                  // documents so far
	// denied are the addresses that were refused last, with the step 1 that came
	// meanwhile: a provider that then brings a better token does not ask again.
	denied map[string][]byte
	hello  *time.Timer // ends a connection that enters none
}

// document is a room that the connection is in under one address. A room may be
// there under several: a session each.
type document struct {
	name    string // of this connection in this room
	person  person
	role    auth.Role // that the client knows of
	peer    *peer
	release func()
}

func (h *hocuspocus) opened() {
	h.hello = time.AfterFunc(hocuspocusWait, func() {
		h.conn.door.Hit("hello-wait")
		h.conn.close(wire.CloseSlow, "no document was entered")
	})
}

func (h *hocuspocus) closed() {
	h.hello.Stop()
	for address := range h.documents {
		h.leave(address)
	}
}

func (h *hocuspocus) slowCode() wire.CloseCode { return wire.CloseSlow }

// beat names no document, so providers pass it over, and yet it counts as a
// message from a living server in all of them. Pings of the dialect are for
// provider 4 only.
func (h *hocuspocus) beat() { h.conn.send(nobodyNowhere) }

var nobodyNowhere = append(wire.AppendAddress(nil, nil), nobody...)

func (h *hocuspocus) received(frame []byte) {
	c := h.conn
	m, err := wire.DecodeHocuspocus(frame)
	if err != nil {
		c.close(wire.CloseBadFrame, err.Error())
		return
	}
	switch m.Type {
	case wire.TypePing:
		c.send([]byte{byte(wire.TypePong)})
		return
	case wire.TypePong:
		return
	case wire.TypeAuth:
		if limit := c.door.limits.PreAuth; len(frame) > limit {
			c.door.Hit("hello")
			c.close(wire.CloseTooLarge, fmt.Sprintf("a token's message of %d bytes, the limit is %d", len(frame), limit))
			return
		}
		c.limit.ask()
		h.authenticate(m)
		return
	}
	d := h.documents[string(m.Address)]
	if d == nil {
		if d = h.uninvited(m); d == nil {
			return
		}
	}
	if !c.admit(m.Body, len(frame)) {
		return
	}
	switch m.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		d.peer.edits(m.Body)
		d.peer.room.Receive(d.peer, m.Body)
	case wire.TypeStateless:
		h.stateless(d, m.Payload)
	case wire.TypeClose:
		h.leave(string(m.Address))
	}
}

func (h *hocuspocus) tryInline(frame []byte, now time.Time) bool {
	m, err := wire.DecodeHocuspocus(frame)
	if err != nil {
		return false
	}
	d := h.documents[string(m.Address)]
	return d != nil && h.conn.tryRunInline(d.peer, m.Body, len(frame), now)
}

// uninvited takes a message on a document that was not entered. A sync begins
// with step 1, so that alone enters where no token is needed: provider 2 sends
// no auth message without one. Anything else is dropped: what it would change
// the client sends again in answer to our step 1, and what comes after a close
// must not open the document again. A client whose token was refused has sent
// its step 1 already, and others send it together with their next token: that is
// kept until they are let in.
func (h *hocuspocus) uninvited(m wire.Hocuspocus) *document {
	if m.Type != wire.TypeSync || m.IsUpdate() {
		return nil
	}
	if _, denied := h.denied[string(m.Address)]; denied {
		h.denied[string(m.Address)] = asked(m)
		return nil
	}
	h.conn.limit.ask()
	h.authenticate(wire.Hocuspocus{Address: m.Address})
	if _, denied := h.denied[string(m.Address)]; denied {
		h.denied[string(m.Address)] = asked(m)
	}
	return h.documents[string(m.Address)]
}

// asked returns the state vector of a step 1 to keep: the empty one, which asks
// for everything, instead of one that is too long.
func asked(m wire.Hocuspocus) []byte {
	if len(m.Payload) > 1<<10 {
		return []byte{0}
	}
	return bytes.Clone(m.Payload)
}

// authenticate enters a document, or renews the token it was entered with.
func (h *hocuspocus) authenticate(m wire.Hocuspocus) {
	if m.Version != "" {
		h.version = m.Version
	}
	c, address := h.conn, string(m.Address)
	token := m.Token
	if token == "" {
		token = h.token
	}
	d := h.documents[address]
	if d != nil && d.person.anonymous && token == "" {
		d.peer.say(wire.AppendAuthenticated(nil, d.role >= auth.Write))
		return
	}
	id, err := c.door.Auth.Identify(token)
	if errors.Is(err, auth.ErrKeys) { // a provider that is denied does not ask again
		c.close(wire.CloseOverload, err.Error())
		return
	}
	if err != nil {
		h.deny(m.Address, reason(err))
		return
	}
	if d != nil && d.person.identity.User == id.User {
		h.follow(d, id)
		d.role = auth.None // so that it is told
		h.hold(d)
		return
	}
	if d != nil { // somebody else takes over
		h.leave(address)
	}
	h.enter(m, id, token == "")
}

// reason says why a token was refused, in the words that Hocuspocus users know
// for the one case that has some.
func reason(err error) string {
	p, known := problem.Of(err)
	switch {
	case p.Kind == problem.TokenMissing:
		return "permission-denied"
	case !known:
		return p.Title
	}
	return p.Reason()
}

// deny refuses a document, and leaves it.
func (h *hocuspocus) deny(address []byte, reason string) {
	if h.documents[string(address)] != nil {
		h.leave(string(address))
	}
	if h.denied[string(address)] = nil; len(h.denied) > maxDenied {
		h.conn.close(wire.CloseRate, "too many documents were refused")
		return
	}
	h.conn.send(wire.AppendDenied(wire.AppendAddress(nil, address), cut(reason, 200)))
}

// maxDenied is how many addresses of a connection may stand refused.
const maxDenied = 256

// enter opens a document. What its room says is held back until the client has
// been told that it is in.
func (h *hocuspocus) enter(m wire.Hocuspocus, id auth.Identity, anonymous bool) {
	c := h.conn
	roomID, err := store.ParseRoomID(m.Document())
	if err != nil {
		h.deny(m.Address, err.Error())
		return
	}
	counted := id.User
	if anonymous {
		counted = ""
	}
	if err := c.known(counted); err != nil {
		c.close(wire.CloseRate, err.Error())
		return
	}
	if len(h.documents) >= c.door.limits.Rooms {
		c.door.Hit("rooms")
		h.deny(m.Address, fmt.Sprintf("a connection has at most %d documents", c.door.limits.Rooms))
		return
	}
	if id.Role(string(roomID)) < auth.Read {
		h.deny(m.Address, "you may not enter this document")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	live, release, err := c.door.Hub.Open(ctx, roomID)
	if errors.Is(err, store.ErrCorrupt) {
		h.deny(m.Address, unavailable(err).Reason())
		return
	}
	h.entered++
	d := &document{name: fmt.Sprintf("%s/%d", c.name, h.entered), release: release}
	if err == nil {
		d.peer = hocuspocusPeer(c, d.name, live, m.Address)
		d.peer.hold()
		d.person.anonymous = anonymous
		h.follow(d, id)
		if err = live.Join(d.peer, d.person.who(roomID)); err != nil {
			d.person.stop()
			release()
		}
	}
	if err != nil {
		// A provider that is denied does not ask again; one that is closed does.
		c.log().Warn("a room could not be opened", "room", roomID, "err", err)
		c.close(wire.CloseOverload, "the document cannot be opened now")
		return
	}
	h.hello.Stop()
	want := h.denied[string(m.Address)]
	delete(h.denied, string(m.Address))
	h.documents[string(m.Address)] = d
	d.role = d.person.role(roomID)
	c.send(d.peer.addressed(wire.AppendAuthenticated(nil, d.role >= auth.Write)))
	c.door.arrive(c, &d.person, d.name, roomID)
	d.peer.release()
	if want != nil {
		d.peer.room.Receive(d.peer, wire.Body{Type: wire.TypeSync, Sync: ysync.Step1, Payload: want})
	}
}

// follow takes a token's identity for a document. The end of the token closes
// the connection, so that its provider comes back with its next one; where that
// would tear other documents along it only ends this one.
func (h *hocuspocus) follow(d *document, id auth.Identity) {
	d.person.follow(h.conn, id, aging{
		asked:  func() { d.peer.say(wire.AppendTokenWanted(nil)) },
		lapsed: func() { h.hold(d) },
		ended: func() {
			if len(h.documents) == 1 {
				h.conn.ranOut()
				return
			}
			h.deny(d.peer.address, reason(auth.ErrExpired))
		},
	})
}

func (h *hocuspocus) renew(user string) {
	for _, d := range h.documents { // hold may delete it
		if d.person.identity.User == user {
			h.hold(d)
		}
	}
}

// hold holds a document against what its person may do now.
func (h *hocuspocus) hold(d *document) {
	c, id := h.conn, d.peer.room.ID()
	who := d.person.who(id)
	if who.Role < auth.Read {
		h.deny(d.peer.address, "you may not stay in this document")
		return
	}
	d.peer.room.Grant(d.peer, who)
	if who.Role != d.role {
		d.role = who.Role
		d.peer.say(wire.AppendAuthenticated(nil, who.Role >= auth.Write))
	}
	if who.Role < auth.Comment {
		c.door.depart(c, d.name, id)
	} else {
		c.door.arrive(c, &d.person, d.name, id)
	}
}

// leave ends a document. Nobody is told: the provider that asked for it is gone,
// and one that has taken its place would take the answer for its own.
func (h *hocuspocus) leave(address string) {
	d := h.documents[address]
	delete(h.documents, address)
	d.person.stop()
	d.peer.mute()
	h.conn.door.depart(h.conn, d.name, d.peer.room.ID()) // first: the room may stand still
	d.peer.leave()
	d.release()
}

// nobody is a body with an awareness update about nobody.
var nobody = wire.AppendAwareness(nil, awareness.Append(nil, nil))

var _ room.Peer = (*peer)(nil)
