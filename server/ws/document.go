package ws

import (
	"context"
	"errors"
	"fmt"

	"weft/crdt/ysync"
	"weft/server/auth"
	"weft/server/store"
	"weft/server/wire"
)

// document is a room that the connection has entered under one address. One room may be
// entered under several addresses.
type document struct {
	connID      string // of presence, unique
	credentials credentials
	role        auth.Role // that the client has been told
	peer        *peer
	release     func() // gives the room back to the hub
}

// enterDocument opens a document for the client. Frames from the room are buffered
// until the message that the client may enter has been queued.
func (h *hocuspocus) enterDocument(m wire.Hocuspocus, l login) {
	c := h.conn
	roomID, err := store.ParseRoomID(m.Document())
	if err != nil {
		h.deny(m.Address, err.Error())
		return
	}
	if err := c.markAuthenticated(l.countedUser()); err != nil {
		c.close(wire.CloseRate, err.Error())
		return
	}
	if len(h.documents) >= c.door.limits.Rooms {
		c.door.limits.onLimit("rooms")
		h.deny(m.Address, fmt.Sprintf("a connection may enter at most %d documents", c.door.limits.Rooms))
		return
	}
	if l.identity.Role(string(roomID)) < auth.Read {
		h.deny(m.Address, "you may not enter this document")
		return
	}
	d, err := h.joinDocument(m, l, roomID)
	switch {
	case errors.Is(err, store.ErrCorrupt):
		h.deny(m.Address, roomUnavailable(err).Reason())
		return
	case errors.Is(err, errNoRights):
		h.deny(m.Address, "you may not enter this document")
		return
	case err != nil: // a provider whose document is denied does not try again; one that is closed does
		c.log().Warn("ws: open a room", "room", roomID, "err", err)
		c.close(wire.CloseOverload, "the document cannot be opened now")
		return
	}
	h.hello.Stop()
	stateVector := h.denied[string(m.Address)]
	delete(h.denied, string(m.Address))
	h.documents[string(m.Address)] = d
	c.send(d.peer.withPrefix(wire.AppendAuthenticated(nil, scopeOf(d.role))))
	c.door.joinPresence(c, &d.credentials, d.connID, roomID)
	d.peer.flushBuffer()
	if stateVector != nil {
		d.peer.room.Receive(d.peer, wire.Body{Type: wire.TypeSync, Sync: ysync.Step1, Payload: stateVector})
	}
}

// errNoRights: the person's rights were taken away while the room was loaded.
var errNoRights = errors.New("ws: no right to read the room")

// joinDocument joins a room with a peer that buffers what the room sends.
func (h *hocuspocus) joinDocument(m wire.Hocuspocus, l login, id store.RoomID) (*document, error) {
	c := h.conn
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	live, release, err := c.door.hub.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	h.entered++
	d := &document{connID: fmt.Sprintf("%s/%d", c.id, h.entered), release: release}
	d.peer = newHocuspocusPeer(c, d.connID, live, m.Address)
	d.peer.startBuffer()
	h.accept(d, l)
	who := d.credentials.peerInfo(id)
	if d.role = who.Role; d.role < auth.Read {
		err = errNoRights
	} else {
		err = live.Join(d.peer, who)
	}
	if err != nil {
		d.credentials.release(c)
		release()
		return nil, err
	}
	return d, nil
}

// accept gives a document the credentials of a token. When the token expires the
// connection is closed, so that the provider reconnects with its next token. If that
// would close other documents too, only this one is denied.
func (h *hocuspocus) accept(d *document, l login) {
	d.credentials.accept(h.conn, l, expiry{
		onRenewal: func() { d.peer.send(wire.AppendTokenWanted(nil)) },
		onExpired: func() { h.recheckDocument(d) },
		onEnd: func() {
			if len(h.documents) == 1 {
				h.conn.closeExpired()
				return
			}
			h.deny(d.peer.address, denialReason(auth.ErrExpired))
		},
	})
}

// recheckDocument closes or downgrades a document if its user's rights have changed.
func (h *hocuspocus) recheckDocument(d *document) {
	c, id := h.conn, d.peer.room.ID()
	who := d.credentials.peerInfo(id)
	if who.Role < auth.Read {
		h.deny(d.peer.address, "you may not stay in this document")
		return
	}
	d.peer.room.Grant(d.peer, who)
	if who.Role != d.role {
		d.role = who.Role
		d.peer.send(wire.AppendAuthenticated(nil, scopeOf(who.Role)))
	}
	c.door.updatePresence(c, &d.credentials, d.connID, id)
}

// leaveDocument ends a document. It sends no answer: the provider that asked is gone, and a
// provider that has replaced it would take the answer for its own.
func (h *hocuspocus) leaveDocument(address string) {
	d := h.documents[address]
	delete(h.documents, address)
	d.credentials.release(h.conn)
	d.peer.mute()
	h.conn.door.leavePresence(h.conn, d.connID, d.peer.room.ID()) // first, as the room may be stuck
	d.peer.leave()
	d.release()
}

// scopeOf returns the scope that is sent to a Hocuspocus client for a role.
func scopeOf(role auth.Role) wire.Scope {
	if role >= auth.Write {
		return wire.ScopeReadWrite
	}
	return wire.ScopeReadOnly
}
