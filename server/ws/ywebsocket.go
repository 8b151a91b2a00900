package ws

import (
	"time"

	"weft/server/auth"
	"weft/server/wire"
)

// yWebsocket is the dialect of unmodified y-websocket clients: one room, a message is a
// body, and an update that comes back to its author is durable.
type yWebsocket struct {
	conn *conn
	peer peer
}

func (y *yWebsocket) opened() {
	c := y.conn
	c.credentials.accept(c, c.credentials.login, expiry{
		onExpired: func() { y.recheck(c.credentials.identity.User) },
		onEnd:     c.closeExpired,
	})
	id := y.peer.room.ID()
	who := c.credentials.peerInfo(id)
	if who.Role < auth.Read { // since the request was authorised
		c.close(wire.CloseForbidden, "you may not stay in this room")
		return
	}
	if err := y.peer.room.Join(&y.peer, who); err != nil {
		c.close(wire.CloseOverload, "the room cannot be opened now")
		return
	}
	c.door.joinPresence(c, &c.credentials, c.id, id)
}

func (y *yWebsocket) recheck(user string) {
	c, id := y.conn, y.peer.room.ID()
	if c.credentials.identity.User != user {
		return
	}
	who := c.credentials.peerInfo(id)
	if who.Role < auth.Read {
		c.close(wire.CloseForbidden, "you may not stay in this room")
		return
	}
	y.peer.room.Grant(&y.peer, who)
	c.door.updatePresence(c, &c.credentials, c.id, id)
}

func (y *yWebsocket) received(frame []byte) {
	b, err := wire.DecodeBody(frame)
	if err != nil {
		y.conn.close(wire.CloseBadFrame, err.Error())
		return
	}
	if !y.conn.enforceLimits(b, len(frame)) {
		return
	}
	switch b.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		y.peer.touchIfEdit(b)
		y.peer.room.Receive(&y.peer, b)
	}
}

func (y *yWebsocket) tryInline(frame []byte, now time.Time) bool {
	b, err := wire.DecodeBody(frame)
	return err == nil && y.conn.tryRunInline(&y.peer, b, len(frame), now)
}

func (y *yWebsocket) closed() {
	y.conn.door.leavePresence(y.conn, y.conn.id, y.peer.room.ID()) // first, as the room may be stuck
	y.peer.leave()
}

// slowCode: provider 3.1 never reconnects after a code from 4400 to 4499.
func (y *yWebsocket) slowCode() wire.CloseCode { return wire.CloseOverload }

func (y *yWebsocket) keepAlive() { y.conn.send(emptyAwareness) }
