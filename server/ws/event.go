package ws

import (
	"context"
	"errors"

	"weft/presence"
	"weft/server/auth"
	"weft/server/chat"
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
		}
	}
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
	}
}

// unsent says why a message was not stored; status is HTTP's.
type unsent struct {
	ID     string `json:"id"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// RetryAfter is in seconds; 0 is not known.
	RetryAfter int `json:"retryAfter,omitempty"`
}

func (n *native) post(ch *channel, e wire.Event) error {
	var p struct {
		ID     string `json:"id"`
		Text   string `json:"text"`
		Thread string `json:"thread"`
		Quote  string `json:"quote"` // JSON text
	}
	if err := e.Into(&p); err != nil {
		return err
	}
	c := n.conn
	refuse := func(status int, title, detail string) error {
		n.say(ch.peer.channel, "unsent", unsent{ID: p.ID, Status: status, Title: title, Detail: detail})
		return nil
	}
	c.limit.ask()
	post := chat.Post{ID: p.ID, Text: p.Text, Thread: p.Thread}
	if p.Quote != "" {
		post.Quote = []byte(p.Quote)
	}
	room := ch.peer.room.ID()
	if c.person.role(room) < auth.Comment {
		return refuse(403, "Forbidden", "you may not write here")
	}
	stored, err := c.door.Chat.Post(context.Background(), c.person.identity, room, post)
	var fast *chat.TooFast
	switch {
	case errors.As(err, &fast):
		n.say(ch.peer.channel, "unsent", unsent{p.ID, 429, "Too many messages", err.Error(), fast.Seconds()})
		return nil
	case errors.Is(err, chat.ErrForbidden):
		return refuse(403, "Forbidden", err.Error())
	case errors.Is(err, chat.ErrInvalid):
		return refuse(422, "Not a message", err.Error())
	case errors.Is(err, store.ErrConflict):
		return refuse(409, "Conflict", "the id is taken by another message")
	case err != nil:
		c.log.Error("a message could not be stored", "room", room, "user", c.person.identity.User, "err", err)
		return refuse(503, "Not stored", "the message could not be stored; send it again")
	}
	c.door.Typing.Set(string(room), ch.name, c.typist(), false)
	n.say(ch.peer.channel, "sent", map[string]any{"id": stored.ID, "message": stored})
	return nil
}

func (n *native) typing(ch *channel, e wire.Event) error {
	var p struct {
		On bool `json:"on"`
	}
	if err := e.Into(&p); err != nil {
		return err
	}
	n.conn.limit.ask()
	if n.conn.person.role(ch.peer.room.ID()) >= auth.Comment {
		n.conn.door.Typing.Set(string(ch.peer.room.ID()), ch.name, n.conn.typist(), p.On)
	}
	return nil
}

func (c *conn) typist() presence.Typist {
	return presence.Typist{ID: c.person.identity.User, Name: c.person.identity.Name}
}
