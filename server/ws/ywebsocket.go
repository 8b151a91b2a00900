package ws

import (
	"fmt"
	"time"

	"weft/crdt/ysync"
	"weft/server/auth"
	"weft/server/wire"
)

// yWebsocket is the dialect of unmodified y-websocket clients: one room, a
// frame is a body, and an update that comes back to its author is on disk.
type yWebsocket struct {
	conn *conn
	peer peer
}

func (y *yWebsocket) opened() {
	c := y.conn
	id := y.peer.room.ID()
	c.person.follow(c, c.person.identity, aging{lapsed: func() { y.renew(c.person.identity.User) }, ended: c.ranOut})
	if err := y.peer.room.Join(&y.peer, c.person.who(id)); err != nil {
		c.close(wire.CloseOverload, "the room cannot be opened now")
		return
	}
	c.door.arrive(c, &c.person, c.name, id)
}

func (y *yWebsocket) renew(user string) {
	c, id := y.conn, y.peer.room.ID()
	if c.person.identity.User != user {
		return
	}
	who := c.person.who(id)
	if who.Role < auth.Read {
		c.close(wire.CloseForbidden, "you may not stay in this room")
		return
	}
	y.peer.room.Grant(&y.peer, who)
	if who.Role < auth.Comment {
		c.door.depart(c, c.name, id)
	} else {
		c.door.arrive(c, &c.person, c.name, id)
	}
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
		y.peer.edits(b)
		y.peer.room.Receive(&y.peer, b)
	}
}

func (y *yWebsocket) tryInline(frame []byte, now time.Time) bool {
	b, err := wire.DecodeBody(frame)
	return err == nil && y.conn.tryRunInline(&y.peer, b, len(frame), now)
}

func (y *yWebsocket) closed() {
	y.conn.door.depart(y.conn, y.conn.name, y.peer.room.ID()) // first: the room may stand still
	y.peer.leave()
}

// slowCode: the 3.1 provider never comes back after a code from 4400 to 4499.
func (y *yWebsocket) slowCode() wire.CloseCode { return wire.CloseOverload }

// beat sends an awareness update about nobody.
func (y *yWebsocket) beat() { y.conn.out.push(nobody) }

// admit applies the limits that hold in every dialect.
func (c *conn) admit(b wire.Body, size int) bool {
	switch {
	case b.IsUpdate():
		c.limit.update()
	case b.Type == wire.TypeAwareness:
		c.limit.move()
	case b.Type == wire.TypeSync || b.Type == wire.TypeQueryAwareness:
		c.limit.ask()
	}
	switch l := c.door.limits; {
	case b.Type != wire.TypeSync || size <= l.Document || b.Sync == ysync.Step2:
	case b.Sync == ysync.Step1:
		l.hit("message")
		c.close(wire.CloseTooLarge, fmt.Sprintf("a state vector of %d bytes, the limit is %d", size, l.Document))
		return false
	default:
		// Its client keeps what it wrote: when it is back that comes in a step 2,
		// which may be as large as Limits.Answer. After a code from 4400 to 4499 it
		// might not come back.
		l.hit("message")
		c.close(wire.CloseOverload, "too large for one update: come back and sync")
		return false
	}
	if limit := c.door.limits.Event; b.Type != wire.TypeSync && size > limit {
		c.door.Hit("event")
		c.close(wire.CloseTooLarge, fmt.Sprintf("awareness or an event of %d bytes, the limit is %d", size, limit))
		return false
	}
	return true
}
