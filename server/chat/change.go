package chat

import (
	"cmp"
	"context"
	"fmt"

	"weft/server/auth"
	"weft/server/store"
)

// Edit is a new text for a message.
type Edit struct {
	Text string
	// Version is the one that the editor saw; if it is not 0 and the message has
	// another, the edit is refused with store.ErrVersion. With 0 the last one wins.
	Version int64
}

// Edit replaces a message's text. Its author may, and who administers the room.
// Who was not mentioned before is notified. The same text again changes nothing.
// Like all changes, it counts for the limits, and *RateLimitError refuses it.
func (s *Service) Edit(ctx context.Context, who auth.Identity, room store.RoomID, id string, e Edit) (store.Message, error) {
	if err := s.mayChange(ctx, who, room, id); err != nil {
		return store.Message{}, err
	}
	if err := s.counted(checkText(e.Text)); err != nil {
		return store.Message{}, err
	}
	if e.Version < 0 {
		return store.Message{}, fmt.Errorf("%w: versions begin with 1", ErrInvalid)
	}
	if err := s.takeToken(who.User, room); err != nil {
		return store.Message{}, err
	}
	mentions, err := s.mentions(ctx, room, e.Text)
	if err != nil {
		return store.Message{}, err
	}
	return s.change(ctx, room, func() (store.Message, bool, error) {
		return s.c.Store.EditMessage(ctx, room, store.Edit{
			ID: id, By: store.User{ID: who.User, Name: who.Name}, Text: e.Text, Mentions: mentions, At: s.now(), Version: e.Version,
		}, store.WithOutbox)
	})
}

// Delete drops what a message says; its place stays. Its author may, and who
// administers the room. Deleting it again changes nothing.
func (s *Service) Delete(ctx context.Context, who auth.Identity, room store.RoomID, id string) (store.Message, error) {
	if err := s.mayChange(ctx, who, room, id); err != nil {
		return store.Message{}, err
	}
	if err := s.takeToken(who.User, room); err != nil {
		return store.Message{}, err
	}
	return s.change(ctx, room, func() (store.Message, bool, error) {
		return s.c.Store.DeleteMessage(ctx, room, id, store.WithOutbox)
	})
}

// Reaction is an emoji that a person puts under a message or takes away.
type Reaction struct {
	Emoji string
	On    bool
	From  string // as in Post
}

// React puts an emoji under a message, or takes it away. Doing it again changes
// nothing.
func (s *Service) React(ctx context.Context, who auth.Identity, room store.RoomID, id string, r Reaction) (store.Message, error) {
	if who.Role(string(room)) < auth.Comment {
		return store.Message{}, ErrForbidden
	}
	if !isEmoji(r.Emoji) {
		return store.Message{}, fmt.Errorf("%w: a reaction is one emoji", ErrInvalid)
	}
	if err := s.takeToken(cmp.Or(r.From, who.User), room); err != nil {
		return store.Message{}, err
	}
	return s.change(ctx, room, func() (store.Message, bool, error) {
		return s.c.Store.React(ctx, room, store.ReactionChange{ID: id, User: who.User, Emoji: r.Emoji, On: r.On})
	})
}

// mayChange tells whether the person may change a message.
func (s *Service) mayChange(ctx context.Context, who auth.Identity, room store.RoomID, id string) error {
	role := who.Role(string(room))
	if role < auth.Comment {
		return ErrForbidden
	}
	m, err := s.c.Store.Message(ctx, room, id)
	if err != nil {
		return err
	}
	if m.User.ID != who.User && role < auth.Admin { // an author never changes
		return fmt.Errorf("%w: it is somebody else's", ErrForbidden)
	}
	return nil
}

// change stores a change in its turn.
func (s *Service) change(ctx context.Context, room store.RoomID, do func() (store.Message, bool, error)) (store.Message, error) {
	return s.turns.do(room, &change{ctx: ctx, make: do})
}
