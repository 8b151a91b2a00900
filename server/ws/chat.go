package ws

import (
	"context"
	"errors"

	"weft/server/auth"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/store"
	"weft/server/wire"
)

// failure returns what to tell the client about err; known is false for an error
// that only the log may have.
func failure(err error) (f event.Failure, known bool) {
	p, known := problem.Of(err)
	if !known {
		p = problem.NotStored.New("it could not be stored; send it again")
	}
	return p.Failure(), known
}

// request is any of the events that ask something of the chat other than to
// post: event.Edit, Delete, React and MarkRead.
type request struct {
	Ref     string `json:"ref"`
	ID      string `json:"id"`
	Text    string `json:"text"`
	Version int64  `json:"version"`
	Emoji   string `json:"emoji"`
	On      bool   `json:"on"`
	Seq     int64  `json:"seq"`
}

// maxRef is the longest ref, in bytes.
const maxRef = 64

// ask answers a request with "done" or "failed".
func (n *native) ask(ch *channel, e wire.Event) error {
	var q request
	if err := e.Into(&q); err != nil {
		return err
	}
	if len(q.Ref) > maxRef {
		return errors.New("ref is longer than 64 bytes")
	}
	c := n.conn
	c.limiters.waitRequest()
	answer, err := n.do(ch, e.Name, q)
	if err == nil {
		answer.Ref = q.Ref
		n.send(ch.peer.channel, answer)
		return nil
	}
	why, known := failure(err)
	if !known {
		c.log().Error("a change of the chat could not be stored", "room", ch.peer.room.ID(), "user", c.credentials.identity.User, "err", err)
	}
	n.send(ch.peer.channel, event.Failed{Ref: q.Ref, Failure: why})
	return nil
}

// do does what a request asks.
func (n *native) do(ch *channel, name string, q request) (answer event.Done, err error) {
	ctx, c, room := context.Background(), n.conn, ch.peer.room.ID()
	who, talk := c.credentials.identity, c.door.chat
	if name == "read" {
		if c.credentials.anonymous || c.credentials.role(room) < auth.Read {
			return answer, chat.ErrForbidden // nobody to remember it for
		}
		unread, err := talk.MarkRead(ctx, who, room, store.Seq(q.Seq))
		return event.Done{Read: &unread}, err
	}
	if c.credentials.role(room) < auth.Comment {
		return answer, chat.ErrForbidden
	}
	var m store.Message
	switch name {
	case "edit":
		m, err = talk.Edit(ctx, who, room, q.ID, chat.Edit{Text: q.Text, Version: q.Version})
	case "delete":
		m, err = talk.Delete(ctx, who, room, q.ID)
	case "react":
		m, err = talk.React(ctx, who, room, q.ID, chat.Reaction{Emoji: q.Emoji, On: q.On})
	}
	return event.Done{Message: &m}, err
}
