package chat

import (
	"context"

	"weft/server/auth"
	"weft/server/store"
)

// AddSystemMessage announces in the room that a member is new (oldName is empty)
// or goes by another name than oldName. Nothing is stored or announced if the
// store finds it not worth announcing; see store.MaxSystemMessages.
func (s *Service) AddSystemMessage(ctx context.Context, room store.RoomID, u store.User, oldName string) error {
	m := store.SystemMessage{Kind: store.SystemJoined, User: u, OldName: oldName, At: s.now()}
	if oldName != "" {
		m.Kind = store.SystemRenamed
	}
	stored, added, err := s.c.Store.AddSystemMessage(ctx, room, m)
	if err == nil && added {
		s.c.SystemPosted(room, stored)
	}
	return err
}

// SystemMessages returns a room's system messages, in order. ErrForbidden: the
// reader may not read the room.
func (s *Service) SystemMessages(ctx context.Context, reader auth.Identity, room store.RoomID) ([]store.SystemMessage, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	return s.c.Store.SystemMessages(ctx, room)
}
