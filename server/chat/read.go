package chat

import (
	"context"

	"weft/server/auth"
	"weft/server/store"
)

// History returns a page of a room's messages, in ascending order of seq.
// ErrForbidden: the reader may not read the room; so with the other methods here.
func (s *Service) History(ctx context.Context, reader auth.Identity, room store.RoomID, p store.MessagePage) ([]store.Message, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	return s.c.Store.Messages(ctx, room, p)
}

// Changes returns the messages that are new or have changed after a rev, as they are
// now, in ascending order of rev. limit: 0 means 50, at most 200.
func (s *Service) Changes(ctx context.Context, reader auth.Identity, room store.RoomID, after store.Rev, limit int) ([]store.Message, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	return s.c.Store.Changes(ctx, room, after, limit)
}

// Message returns one message, or store.ErrNoMessage.
func (s *Service) Message(ctx context.Context, reader auth.Identity, room store.RoomID, id string) (store.Message, error) {
	if reader.Role(string(room)) < auth.Read {
		return store.Message{}, ErrForbidden
	}
	return s.c.Store.Message(ctx, room, id)
}

// MarkRead notes that the reader has read all messages up to seq, and announces it
// to their other connections through Config.Read. A lower seq than noted before
// changes nothing.
func (s *Service) MarkRead(ctx context.Context, reader auth.Identity, room store.RoomID, seq store.Seq) (store.Unread, error) {
	if reader.Role(string(room)) < auth.Read {
		return store.Unread{}, ErrForbidden
	}
	u, err := s.c.Store.ReadUpTo(ctx, room, store.User{ID: reader.User, Name: reader.Name}, seq, s.now())
	if err != nil {
		return store.Unread{}, err
	}
	s.c.Read(room, reader.User, u)
	return u, nil
}

// Unread counts what the reader has not read in a room. See store.Unread.
func (s *Service) Unread(ctx context.Context, reader auth.Identity, room store.RoomID) (store.Unread, error) {
	if reader.Role(string(room)) < auth.Read {
		return store.Unread{}, ErrForbidden
	}
	return s.c.Store.Unread(ctx, room, reader.User)
}

// Rooms lists the rooms that the reader has been in and may still read. next is the
// After of the next page; it and the page are empty when no room is left. A page may
// be shorter than its limit though others follow.
func (s *Service) Rooms(ctx context.Context, reader auth.Identity, p store.RoomPage) (rooms []store.RoomUnread, next store.RoomID, err error) {
	found, err := s.c.Store.RoomsOf(ctx, reader.User, p)
	if err != nil {
		return nil, "", err
	}
	rooms = []store.RoomUnread{}
	for _, r := range found {
		if next = r.Room; reader.Role(string(r.Room)) >= auth.Read {
			rooms = append(rooms, r)
		}
	}
	return rooms, next, nil
}
