package store

import (
	"context"
	"errors"
	"time"
)

// Errors of a chat.
var (
	// ErrConflict says that another person has used the message id in this room.
	// The same id in another room is another message.
	ErrConflict = errors.New("store: id is taken")
	// ErrNoMessage says that the room has no message with the id.
	ErrNoMessage = errors.New("store: no such message")
	// ErrDeleted says that the message was deleted.
	ErrDeleted = errors.New("store: the message is deleted")
	// ErrVersion says that the message has another version than the editor saw.
	ErrVersion = errors.New("store: the message has been changed meanwhile")
	// ErrFull says that the message has MaxEmoji different emoji or MaxReactions
	// reactions already.
	ErrFull = errors.New("store: too many reactions")
)

// Chat is the part of a Store that keeps rooms' conversations. Every change of a
// message takes the room's next Rev. What a room without messages is asked for
// is empty or zero, not an error. A list is never nil, except with an error.
type Chat interface {
	// PostMessage stores the message with the room's next seq and, with
	// WithOutbox, adds an outbox entry OutboxMessage. If the same author has
	// already posted this id in this room, it returns that message with created
	// false. If another person has, ErrConflict. An id of no or more than 64 bytes
	// is refused.
	//
	// The fields Seq, Rev, Version, Reactions, Replies, EditedAt, EditedBy and
	// Deleted of m are ignored.
	//
	// If the message named by Thread is a reply itself, Thread becomes the message
	// that it replies to. ErrNoMessage: there is none. ErrDeleted: it is deleted
	// and has no replies. A reply changes the Replies of the message it replies to.
	PostMessage(ctx context.Context, m Message, outbox OutboxMode) (stored Message, created bool, err error)
	// EditMessage replaces the text; the same text again changes nothing. With
	// WithOutbox, and if the new text mentions people whom the old one did not, it
	// adds an outbox entry OutboxMessage whose message has only those mentions.
	// ErrNoMessage, ErrDeleted, ErrVersion.
	EditMessage(ctx context.Context, room RoomID, e Edit, outbox OutboxMode) (stored Message, changed bool, err error)
	// DeleteMessage drops text, quote, mentions and reactions; author and times
	// stay. Deleting again changes nothing. With WithOutbox it adds an outbox entry
	// OutboxDeleted. ErrNoMessage.
	DeleteMessage(ctx context.Context, room RoomID, id string, outbox OutboxMode) (stored Message, changed bool, err error)
	// React changes a reaction; doing it again changes nothing. ErrNoMessage,
	// ErrDeleted, ErrFull.
	React(ctx context.Context, room RoomID, r ReactionChange) (stored Message, changed bool, err error)
	// ImportMessage stores a message as it is, except for its Rev, which is the
	// next, and its Replies, which are counted as the replies are imported. Its Seq
	// must be above all that are there; 0 means the next. A message that the same author
	// has there under this id already is skipped; ErrConflict if another person has.
	ImportMessage(ctx context.Context, m Message) (created bool, err error)

	// Message returns one message, or ErrNoMessage.
	Message(ctx context.Context, room RoomID, id string) (Message, error)
	// Messages returns a page of messages in ascending order of seq.
	Messages(ctx context.Context, room RoomID, p MessagePage) ([]Message, error)
	// Changes returns new and changed messages, as they are now: those whose Rev is
	// above after, in ascending order of rev. Limit is as in MessagePage.
	Changes(ctx context.Context, room RoomID, after Rev, limit int) ([]Message, error)
	// Search returns the messages that a query finds in a room, the newest first. A
	// query without words finds nothing. Deleted messages are never found.
	Search(ctx context.Context, room RoomID, p SearchPage) ([]Message, error)
	// LastSeq returns the seq of the room's newest message, 0 if there is none.
	LastSeq(ctx context.Context, room RoomID) (Seq, error)
	// LastRev returns the rev of the room's newest change, 0 if there is none.
	LastRev(ctx context.Context, room RoomID) (Rev, error)

	// AddSystemMessage stores a system message; N and After are set by the store.
	// added is false, and nothing is stored, if MaxSystemMessages or RenameQuiet
	// say so, or if the room does not exist.
	AddSystemMessage(ctx context.Context, room RoomID, m SystemMessage) (stored SystemMessage, added bool, err error)
	// SystemMessages returns the room's system messages in ascending order of N.
	SystemMessages(ctx context.Context, room RoomID) ([]SystemMessage, error)

	// ReadUpTo notes that the person has read all messages up to seq, or up to the
	// room's last if that is lower. A lower seq than noted before changes nothing.
	// It makes the person a member of the room, if the room exists.
	ReadUpTo(ctx context.Context, room RoomID, u User, seq Seq, at time.Time) (Unread, error)
	// Unread returns what the person has not read yet. A person who is not a member
	// has read nothing.
	Unread(ctx context.Context, room RoomID, user string) (Unread, error)
	// RoomsOf lists the rooms that the person has been in. The list is empty if
	// they have never been in p.After.
	RoomsOf(ctx context.Context, user string, p RoomPage) ([]RoomUnread, error)
}
