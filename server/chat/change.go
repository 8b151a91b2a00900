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
	// Version is the one that the editor saw. If the message has another by now,
	// the edit is refused with store.ErrVersion. 0 means any: the last edit wins.
	Version int64
}

// Edit replaces a message's text. The author and admins of the room may do so.
// People whom the old text did not mention are notified. The same text again
// changes nothing.
//
// Errors: ErrForbidden, ErrInvalid, *RateLimitError, store.ErrNoMessage,
// store.ErrDeleted, store.ErrVersion.
func (s *Service) Edit(ctx context.Context, editor auth.Identity, room store.RoomID, id string, e Edit) (store.Message, error) {
	if err := s.checkMayChange(ctx, editor, room, id); err != nil {
		return store.Message{}, err
	}
	if err := s.countLimit(checkText(e.Text)); err != nil {
		return store.Message{}, err
	}
	if e.Version < 0 {
		return store.Message{}, fmt.Errorf("%w: version must not be negative", ErrInvalid)
	}
	if err := s.takeToken(editor.User, room); err != nil {
		return store.Message{}, err
	}
	mentions, err := s.findMentions(ctx, room, e.Text)
	if err != nil {
		return store.Message{}, err
	}
	return s.change(ctx, room, func() (store.Message, bool, error) {
		return s.c.Store.EditMessage(ctx, room, store.Edit{
			ID: id, By: store.User{ID: editor.User, Name: editor.Name}, Text: e.Text, Mentions: mentions, At: s.now(), Version: e.Version,
		}, store.WithOutbox)
	})
}

// Delete drops a message's content; the message stays in the history as deleted.
// The author and admins of the room may do so. Deleting again changes nothing.
//
// Errors: ErrForbidden, *RateLimitError, store.ErrNoMessage.
func (s *Service) Delete(ctx context.Context, deleter auth.Identity, room store.RoomID, id string) (store.Message, error) {
	if err := s.checkMayChange(ctx, deleter, room, id); err != nil {
		return store.Message{}, err
	}
	if err := s.takeToken(deleter.User, room); err != nil {
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
	// CountedAs is as in Post.
	CountedAs string
}

// React puts an emoji under a message, or takes it away. Doing it again changes
// nothing.
//
// Errors: ErrForbidden, ErrInvalid (not an emoji), *RateLimitError,
// store.ErrNoMessage, store.ErrDeleted, store.ErrFull.
func (s *Service) React(ctx context.Context, person auth.Identity, room store.RoomID, id string, r Reaction) (store.Message, error) {
	if person.Role(string(room)) < auth.Comment {
		return store.Message{}, ErrForbidden
	}
	if !isEmoji(r.Emoji) {
		return store.Message{}, fmt.Errorf("%w: a reaction is one emoji", ErrInvalid)
	}
	if err := s.takeToken(cmp.Or(r.CountedAs, person.User), room); err != nil {
		return store.Message{}, err
	}
	return s.change(ctx, room, func() (store.Message, bool, error) {
		return s.c.Store.React(ctx, room, store.ReactionChange{ID: id, User: person.User, Emoji: r.Emoji, On: r.On})
	})
}

// checkMayChange returns ErrForbidden unless the person may edit and delete the
// message. The store's transaction need not repeat the check, as a message's author
// never changes.
func (s *Service) checkMayChange(ctx context.Context, person auth.Identity, room store.RoomID, id string) error {
	role := person.Role(string(room))
	if role < auth.Comment {
		return ErrForbidden
	}
	m, err := s.c.Store.Message(ctx, room, id)
	if err != nil {
		return err
	}
	if m.User.ID != person.User && role < auth.Admin {
		return fmt.Errorf("%w: the message is somebody else's", ErrForbidden)
	}
	return nil
}

// change stores a change of a message and announces it, in a batch of the room.
func (s *Service) change(ctx context.Context, room store.RoomID, do func() (store.Message, bool, error)) (store.Message, error) {
	return s.batcher.do(room, &change{ctx: ctx, store: do})
}
