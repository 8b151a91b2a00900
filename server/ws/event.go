package ws

import (
	"context"
	"fmt"

	"weft/presence"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// event handles an event in a room. Unknown names are passed over: newer
// clients may know more than we do.
func (n *native) event(ch *channel, payload []byte) {
	e, err := wire.DecodeEvent(payload)
	if err == nil {
		switch e.Name {
		case "send":
			err = n.post(ch, e)
		case "typing":
			err = n.typing(ch, e)
		case "edit", "delete", "react", "read":
			err = n.ask(ch, e)
		}
	}
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
	}
}

func (n *native) post(ch *channel, e wire.Event) error {
	var p event.Send
	if err := e.Into(&p); err != nil {
		return err
	}
	c := n.conn
	c.limiters.waitRequest()
	post := chat.Post{ID: p.ID, Text: p.Text, Thread: p.Thread}
	if p.Quote != "" {
		post.Quote = []byte(p.Quote)
	}
	room := ch.peer.room.ID()
	err := chat.ErrForbidden
	var stored store.Message
	if c.credentials.role(room) >= auth.Comment {
		stored, err = c.door.chat.Post(context.Background(), c.credentials.identity, room, post)
	}
	if err != nil {
		why, known := failure(err)
		if !known {
			c.log().Error("a message could not be stored", "room", room, "user", c.credentials.identity.User, "err", err)
		}
		n.send(ch.peer.channel, event.Unsent{ID: p.ID, Failure: why})
		return nil
	}
	c.door.typing.Clear(string(room), ch.connID)
	ch.peer.Touch()
	n.send(ch.peer.channel, event.Sent{ID: stored.ID, Message: stored})
	return nil
}

func (n *native) typing(ch *channel, e wire.Event) error {
	var p event.SetTyping
	if err := e.Into(&p); err != nil {
		return err
	}
	if len(p.Thread) > maxThreadID {
		return fmt.Errorf("the id of a thread has at most %d bytes", maxThreadID)
	}
	n.conn.limiters.waitRequest()
	if n.conn.credentials.role(ch.peer.room.ID()) >= auth.Comment {
		room, typing := string(ch.peer.room.ID()), n.conn.door.typing
		if !p.On {
			typing.Clear(room, ch.connID)
			return nil
		}
		typing.Set(presence.Place{Room: room, Thread: p.Thread}, ch.connID, n.conn.typist())
		ch.peer.Touch()
	}
	return nil
}

// maxThreadID is more than any message's id has.
const maxThreadID = 128

func (c *conn) typist() presence.Typist {
	return presence.Typist{ID: c.credentials.identity.User, Name: c.credentials.identity.Name}
}
