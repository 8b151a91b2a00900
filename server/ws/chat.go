package ws

import (
	"context"
	"fmt"
	"net/http"

	"weft/server/auth"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/store"
	"weft/server/wire"
)

// post handles the event that posts a message. The answer is "sent" or "unsent".
func (n *native) post(ch *channel, e wire.Event) error {
	var p event.Send
	if err := e.Into(&p); err != nil {
		return err
	}
	c, id := n.conn, ch.peer.room.ID()
	c.limiters.waitRequest()
	post := chat.Post{ID: p.ID, Text: p.Text, Thread: p.Thread}
	if p.Quote != "" {
		post.Quote = []byte(p.Quote)
	}
	err := chat.ErrForbidden
	var stored store.Message
	if c.credentials.role(id) >= auth.Comment {
		stored, err = c.door.chat.Post(context.Background(), c.credentials.identity, id, post)
	}
	if err != nil {
		n.send(ch.peer.channel, event.Unsent{ID: p.ID, Failure: c.chatFailure(id, err)})
		return nil
	}
	c.door.typing.Clear(string(id), ch.connID)
	ch.peer.Touch()
	n.send(ch.peer.channel, event.Sent{ID: stored.ID, Message: stored})
	return nil
}

// chatFailure returns what to tell the client about err. Failures of the server are logged,
// and the client is not told the cause of an unknown error.
func (c *conn) chatFailure(id store.RoomID, err error) event.Failure {
	p, known := problem.Of(err)
	if !known {
		p = problem.NotStored.New("it could not be stored; send it again")
	}
	if p.Status >= http.StatusInternalServerError {
		c.log().Error("chat: store", "room", id, "user", c.credentials.identity.User, "err", err)
	}
	return p.Failure()
}

// chatRequest is any of the events that change the chat and post nothing: event.Edit,
// Delete, React and MarkRead.
type chatRequest struct {
	Ref     string `json:"ref"` // the client's name for the request
	ID      string `json:"id"`
	Text    string `json:"text"`
	Version int64  `json:"version"`
	Emoji   string `json:"emoji"`
	On      bool   `json:"on"`
	Seq     int64  `json:"seq"`
}

// maxRef is the limit on a ref, in bytes.
const maxRef = 64

// changeChat handles a chatRequest. The answer is "done" or "failed".
func (n *native) changeChat(ch *channel, e wire.Event) error {
	var q chatRequest
	if err := e.Into(&q); err != nil {
		return err
	}
	if len(q.Ref) > maxRef {
		return fmt.Errorf("a ref has at most %d bytes", maxRef)
	}
	c, id := n.conn, ch.peer.room.ID()
	c.limiters.waitRequest()
	done, err := c.doChatRequest(id, e.Name, q)
	if err != nil {
		n.send(ch.peer.channel, event.Failed{Ref: q.Ref, Failure: c.chatFailure(id, err)})
		return nil
	}
	done.Ref = q.Ref
	n.send(ch.peer.channel, done)
	return nil
}

func (c *conn) doChatRequest(id store.RoomID, name string, q chatRequest) (done event.Done, err error) {
	ctx, who, service := context.Background(), c.credentials.identity, c.door.chat
	if name == "read" {
		if c.credentials.anonymous || c.credentials.role(id) < auth.Read {
			return done, chat.ErrForbidden // an anonymous person has no read marker
		}
		unread, err := service.MarkRead(ctx, who, id, store.Seq(q.Seq))
		return event.Done{Read: &unread}, err
	}
	if c.credentials.role(id) < auth.Comment {
		return done, chat.ErrForbidden
	}
	var m store.Message
	switch name {
	case "edit":
		m, err = service.Edit(ctx, who, id, q.ID, chat.Edit{Text: q.Text, Version: q.Version})
	case "delete":
		m, err = service.Delete(ctx, who, id, q.ID)
	case "react":
		m, err = service.React(ctx, who, id, q.ID, chat.Reaction{Emoji: q.Emoji, On: q.On})
	}
	return event.Done{Message: &m}, err
}
