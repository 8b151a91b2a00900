package ws

import (
	"fmt"

	"weft/presence"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/wire"
)

// receivedEvent handles an event on a room's channel. Unknown names are ignored: a newer
// client may know more than this server.
func (n *native) receivedEvent(ch *channel, payload []byte) {
	e, err := wire.DecodeEvent(payload)
	if err == nil {
		switch e.Name {
		case "send":
			err = n.post(ch, e)
		case "typing":
			err = n.setTyping(ch, e)
		case "edit", "delete", "react", "read":
			err = n.changeChat(ch, e)
		}
	}
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
	}
}

// maxThreadID is the limit on a thread's id, in bytes. No message's id is longer.
const maxThreadID = 128

// setTyping handles the event by which a client says that its person types, or stops.
func (n *native) setTyping(ch *channel, e wire.Event) error {
	var p event.SetTyping
	if err := e.Into(&p); err != nil {
		return err
	}
	if len(p.Thread) > maxThreadID {
		return fmt.Errorf("a thread id has at most %d bytes", maxThreadID)
	}
	c, id := n.conn, ch.peer.room.ID()
	c.limiters.waitRequest()
	if c.credentials.role(id) < auth.Comment {
		return nil
	}
	if !p.On {
		c.door.typing.Clear(string(id), ch.connID)
		return nil
	}
	typist := presence.Typist{ID: c.credentials.identity.User, Name: c.credentials.identity.Name}
	c.door.typing.Set(presence.Place{Room: string(id), Thread: p.Thread}, ch.connID, typist)
	ch.peer.Touch()
	return nil
}
