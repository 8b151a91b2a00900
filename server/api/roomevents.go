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

// maxMissed is how many changes of a room's chat a stream catches up with.
const maxMissed = 1000

// roomEvents is a stream of what happens in a room: "message" and
// "message.changed" in order of rev, "typing" and "presence". Every event has an
// id, which tells up to where the client has all. The first event is "connected";
// if its recovered is true, everything since Last-Event-ID follows, each message
// as it is now, and nothing twice. If not, the client reads a page.
func (a *API) roomEvents(c echo.Context) error {
	who, room, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	here := topic{room: room}
	// First open, then read what was missed: nothing falls between.
	events, ok := a.Live.open(here, cmp.Or(a.stranger(c), who.User))
	if !ok {
		return errStreams
	}
	defer a.Live.end(here, events)
	ctx := c.Request().Context()
	// From now on the room is followed, though nobody on this node may be in it.
	if _, err := a.People.People(ctx, string(room)); err != nil {
		return err
	}
	end, err := a.Chat.Position(ctx, who, room)
	if err != nil {
		return err
	}
	at, recovered := resumed(c.Request().Header.Get("Last-Event-ID"), end)
	s := &roomStream{stream: startStream(c), at: at}
	s.tell(event.RoomConnected{User: who.User, Room: room, Recovered: recovered, Epoch: end.Epoch, LastRev: end.Rev, LastSeq: end.Seq})
	if err := a.catchUp(ctx, s, who, room, end); err != nil {
		if ctx.Err() == nil {
			a.Log.Warn("a stream could not catch up", "room", room, "user", who.User, "err", err)
		}
		return nil // its client comes back with the id it got to
	}
	s.follow(who, events, func(e *event.Encoded) bool {
		if who.Role(string(room)) < auth.Read {
			return false
		}
		if m, ok := messageOf(e.Event()); ok {
			if m.Rev <= s.at.Rev {
				return true // the stream has caught up with it already
			}
			s.at.Rev, s.at.Seq = m.Rev, max(s.at.Seq, m.Seq)
		}
		s.say(formatPosition(s.at), e.SSE())
		return true
	})
	return nil
}

// resumed returns where a stream begins, and whether that is where the client
// was.
func resumed(last string, end chat.Position) (at chat.Position, recovered bool) {
	at, ok := parsePosition(last)
	if !ok || at.Epoch != end.Epoch || at.Rev > end.Rev || at.Seq > end.Seq || end.Rev-at.Rev > maxMissed {
		return end, false
	}
	return at, true
}

// catchUp sends what has changed from where the stream is through end. Until then
// the ids keep the seq at which it began: what is above is new.
func (a *API) catchUp(ctx context.Context, s *roomStream, who auth.Identity, room store.RoomID, end chat.Position) error {
	for s.at.Rev < end.Rev && s.err == nil {
		missed, err := a.Chat.Changes(ctx, who, room, s.at.Rev, 200)
		if err != nil || len(missed) == 0 {
			return err
		}
		for _, m := range missed {
			s.at.Rev = m.Rev
			if m.Seq > s.at.Seq {
				s.tell(event.Message{Message: m})
			} else {
				s.tell(event.MessageChanged{Message: m})
			}
		}
	}
	s.at.Seq = max(s.at.Seq, end.Seq)
	return s.err
}

// roomStream is a stream whose ids tell where it is.
type roomStream struct {
	*stream
	at chat.Position
}

// tell writes an event of this stream's own.
func (s *roomStream) tell(e event.Event) { s.say(formatPosition(s.at), event.New(e).SSE()) }

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

// An id of a room's stream is EPOCH-REV-SEQ.
func formatPosition(p chat.Position) string { return fmt.Sprintf("%s-%d-%d", p.Epoch, p.Rev, p.Seq) }

func parsePosition(id string) (p chat.Position, ok bool) {
	parts := strings.Split(id, "-")
	if len(parts) != 3 || len(id) > 128 {
		return p, false
	}
	rev, err := strconv.ParseInt(parts[1], 10, 64)
	seq, err2 := strconv.ParseInt(parts[2], 10, 64)
	return chat.Position{Epoch: parts[0], Rev: store.Rev(rev), Seq: store.Seq(seq)}, err == nil && err2 == nil && rev >= 0 && seq >= 0
}
