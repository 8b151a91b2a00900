package api

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"weft/server/auth"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/store"
)

// maxMissed is how many missed changes of a room's chat a stream sends. A client
// that missed more reads a page.
const maxMissed = 1000

// roomEvents streams the events of a room: see package event. Messages come in
// order of rev. Every event has an id, which is the position up to which the
// client has all messages. The first event is "connected". If its recovered is
// true, the changes since Last-Event-ID follow, each message once and as it is
// now. If it is false, the client reads a page.
func (a *API) roomEvents(c echo.Context) error {
	who, room, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	here := topic{room: room}
	// The stream is opened before the missed changes are read, so that none is lost
	// in between.
	events, ok := a.Live.open(here, cmp.Or(a.anonymousKey(c), who.User))
	if !ok {
		return errStreams
	}
	defer a.Live.end(here, events)
	ctx := c.Request().Context()
	// This makes the tracker follow the room, even if nobody on this node is in it.
	if _, err := a.People.People(ctx, string(room)); err != nil {
		return err
	}
	end, err := a.Chat.Position(ctx, who, room)
	if err != nil {
		return err
	}
	at, recovered := resumed(c.Request().Header.Get("Last-Event-ID"), end)
	s := &roomStream{stream: startStream(c), at: at}
	s.sendOwn(event.RoomConnected{User: who.User, Room: room, Recovered: recovered, Epoch: end.Epoch, LastRev: end.Rev, LastSeq: end.Seq})
	if err := a.catchUp(ctx, s, who, room, end); err != nil {
		if ctx.Err() == nil {
			a.Log.Warn("a stream could not catch up", "room", room, "user", who.User, "err", err)
		}
		return nil // the client reconnects with the id of its last event
	}
	s.forward(who, events, func(e *event.Encoded) bool {
		if who.Role(string(room)) < auth.Read {
			return false
		}
		if m, ok := messageOf(e.Event()); ok {
			if m.Rev <= s.at.Rev {
				return true // the stream has caught up with it already
			}
			s.at.Rev, s.at.Seq = m.Rev, max(s.at.Seq, m.Seq)
		}
		s.writeEvent(formatPosition(s.at), e.SSE())
		return true
	})
	return nil
}

// resumed returns the position where a stream begins. recovered is true if that is
// the client's last position, and false if it is the end.
func resumed(last string, end chat.Position) (at chat.Position, recovered bool) {
	at, ok := parsePosition(last)
	if !ok || at.Epoch != end.Epoch || at.Rev > end.Rev || at.Seq > end.Seq || end.Rev-at.Rev > maxMissed {
		return end, false
	}
	return at, true
}

// catchUp sends the changes from the stream's position through end. Meanwhile the
// ids keep the seq of that position: messages with a higher seq are new to the
// client.
func (a *API) catchUp(ctx context.Context, s *roomStream, who auth.Identity, room store.RoomID, end chat.Position) error {
	for s.at.Rev < end.Rev && s.err == nil {
		missed, err := a.Chat.Changes(ctx, who, room, s.at.Rev, 200)
		if err != nil || len(missed) == 0 {
			return err
		}
		for _, m := range missed {
			s.at.Rev = m.Rev
			if m.Seq > s.at.Seq {
				s.sendOwn(event.Message{Message: m})
			} else {
				s.sendOwn(event.MessageChanged{Message: m})
			}
		}
	}
	s.at.Seq = max(s.at.Seq, end.Seq)
	return s.err
}

// roomStream is a stream whose event ids are positions in the room's chat.
type roomStream struct {
	*stream
	at chat.Position
}

// sendOwn writes an event that this stream alone gets.
func (s *roomStream) sendOwn(e event.Event) { s.writeEvent(formatPosition(s.at), event.New(e).SSE()) }

// messageOf returns the chat message that an event carries.
func messageOf(e event.Event) (m store.Message, ok bool) {
	switch e := e.(type) {
	case event.Message:
		return e.Message, true
	case event.MessageChanged:
		return e.Message, true
	}
	return m, false
}

// formatPosition returns the id of an event in a room's stream: EPOCH-REV-SEQ.
func formatPosition(p chat.Position) string { return fmt.Sprintf("%s-%d-%d", p.Epoch, p.Rev, p.Seq) }

// parsePosition reads an id that formatPosition made.
func parsePosition(id string) (p chat.Position, ok bool) {
	parts := strings.Split(id, "-")
	if len(parts) != 3 || len(id) > 128 {
		return p, false
	}
	rev, err := strconv.ParseInt(parts[1], 10, 64)
	seq, err2 := strconv.ParseInt(parts[2], 10, 64)
	return chat.Position{Epoch: parts[0], Rev: store.Rev(rev), Seq: store.Seq(seq)}, err == nil && err2 == nil && rev >= 0 && seq >= 0
}
