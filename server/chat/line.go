package chat

import (
	"context"

	"weft/server/auth"
	"weft/server/store"
)

// Line says in the room that a member is new, or with the name from before that
// they go by another now; if that is worth a line, see store.MaxLines.
func (s *Service) Line(ctx context.Context, room store.RoomID, u store.User, before string) error {
	l := store.Line{Kind: store.LineJoined, User: u, Before: before, At: s.now()}
	if before != "" {
		l.Kind = store.LineRenamed
	}
	stored, added, err := s.c.Store.AddLine(ctx, room, l)
	if err == nil && added {
		s.c.Lined(room, stored)
	}
	return err
}

// Lines reads a room's system lines, in order.
func (s *Service) Lines(ctx context.Context, reader auth.Identity, room store.RoomID) ([]store.Line, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	return s.c.Store.Lines(ctx, room)
}
