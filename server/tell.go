package server

import (
	"context"

	"weft/presence"
	"weft/server/event"
	"weft/server/store"
)

// tell sends an event to everybody in a room: to the streams that follow the room, and to
// its peers if the room is loaded. The event is encoded at most once for each wire form.
// It does not block.
func (s *Server) tell(id store.RoomID, e event.Event) {
	encoded := event.New(e)
	s.live.SendRoom(id, encoded)
	if live, open := s.hub.Loaded(id); open {
		live.Broadcast(encoded)
	}
}

// tellTyping tells a room who is typing, in its main log or in a thread.
func (s *Server) tellTyping(p presence.Place, users []presence.Typist) {
	if p.Thread == "" {
		s.tell(store.RoomID(p.Room), event.Typing{Users: users})
	} else {
		s.tell(store.RoomID(p.Room), event.ThreadTyping{Thread: p.Thread, Users: users})
	}
}

// tellPresence tells a room who joined and left, and how many people are present. It is
// called by one goroutine for all rooms and must not block.
func (s *Server) tellPresence(d presence.Diff) {
	e := event.Presence{Joins: d.Joins, Leaves: d.Leaves}
	if n, err := s.people.Count(context.Background(), d.Room); err == nil {
		e.Count = &n
	}
	s.tell(store.RoomID(d.Room), e)
}

// tellRead tells all connections and streams of a person what they have not read in a
// room, also those outside the room.
func (s *Server) tellRead(room store.RoomID, user string, u store.Unread) {
	read := event.New(event.Read{Room: room, Unread: u})
	s.door.SendToUser(user, read)
	s.live.Send(user, read)
}
