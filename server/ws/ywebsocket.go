package ws

import (
	"time"

	"weft/presence/awareness"
	"weft/server/room"
	"weft/server/wire"
)

// yWebsocket is the dialect of unmodified y-websocket clients: one room, a
// frame is a body, and an update that comes back to its author is on disk.
type yWebsocket struct {
	conn *conn
	peer *peer
	// anonymous clients came without a token; they are seen, not remembered.
	anonymous bool
}

func (y *yWebsocket) opened() {
	c := y.conn
	id := y.peer.room.ID()
	if err := y.peer.room.Join(y.peer, c.identity.Role(string(id))); err != nil {
		c.close(wire.CloseOverload, "the room cannot be opened now")
		return
	}
	c.door.arrive(c, c.name, id, !y.anonymous)
}

func (y *yWebsocket) received(frame []byte) {
	b, err := wire.DecodeBody(frame)
	if err != nil {
		y.conn.close(wire.CloseBadFrame, err.Error())
		return
	}
	if !y.conn.admit(b, len(frame)) {
		return
	}
	switch b.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		y.peer.room.Receive(y.peer, b)
	}
}

func (y *yWebsocket) closed() {
	y.peer.leave()
	y.conn.door.depart(y.conn, y.conn.name, y.peer.room.ID())
}

// slowCode: the 3.1 provider never comes back after a code from 4400 to 4499.
func (y *yWebsocket) slowCode() wire.CloseCode { return wire.CloseOverload }

// beat sends an awareness update about nobody if the connection has been
// quiet.
func (y *yWebsocket) beat(now time.Time) {
	if last, idle := y.conn.out.quietSince(); idle && now.Sub(last) >= quiet {
		y.peer.push(queued{peer: y.peer, class: room.Awareness, frame: nobody})
	}
}

var nobody = wire.AppendAwareness(nil, awareness.Append(nil, nil))

// admit applies the limits that hold in every dialect.
func (c *conn) admit(b wire.Body, size int) bool {
	if b.IsUpdate() {
		c.limit.update()
	} else if b.Type == wire.TypeSync || b.Type == wire.TypeQueryAwareness {
		c.limit.ask()
	}
	if b.Type != wire.TypeSync && size > c.door.limits.Event {
		c.close(wire.CloseTooLarge, "awareness and events are limited to 64 KiB")
		return false
	}
	return true
}
