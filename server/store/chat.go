package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Seq numbers a room's chat messages 1, 2, 3, … without gaps.
type Seq int64

// Rev numbers what has changed in a room's chat: each new message, and each
// change of one, takes the next. It only grows.
type Rev int64

// Message is one chat message; see the contract page.
type Message struct {
	ID        string          `json:"id"` // 1..64 bytes, chosen by the author's client
	Room      RoomID          `json:"room"`
	Seq       Seq             `json:"seq"`
	Rev       Rev             `json:"rev"`     // of its last change, whatever that was
	Version   int64           `json:"version"` // of its text: 1, and one more with each edit and with its deletion
	User      User            `json:"user"`
	Text      string          `json:"text"`
	Thread    string          `json:"thread,omitempty"` // id of the message that it answers, which answers none itself
	Quote     json.RawMessage `json:"quote,omitempty"`
	Mentions  []Mention       `json:"mentions"`
	Reactions []Reaction      `json:"reactions"` // in order of their first
	Replies   *Replies        `json:"replies,omitempty"`
	CreatedAt time.Time       `json:"createdAt"` // UTC, milliseconds
	EditedAt  *time.Time      `json:"editedAt"`
	EditedBy  *User           `json:"editedBy,omitempty"` // who edited it last, if not its author
	Deleted   bool            `json:"deleted"`            // text, quote, mentions and reactions are gone
}

// User is a person as others see them.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Mention is a person named in a message's text; Room is set for @room.
type Mention struct {
	User string `json:"user,omitempty"`
	Room bool   `json:"room,omitempty"`
}

// Reaction is one emoji under a message and who chose it, the first one first.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Replies sums up the thread under a message, deleted replies apart.
type Replies struct {
	Count  int       `json:"count"`
	Last   time.Time `json:"last"`   // of the newest
	People []User    `json:"people"` // who wrote the newest 20, the last one first, 3 at most
}

// Limits of the reactions to one message.
const (
	MaxEmoji     = 20  // different ones
	MaxReactions = 500 // in all
)

// MessagePage asks for messages with Before > seq > After, Limit of them: the
// newest ones if only Before (or nothing) is set, the oldest ones if After is.
// Zero means not set (After -1: from the first message on); Limit 0 means 50, at most 200. The answer is always in
// ascending order of seq.
type MessagePage struct {
	Before, After Seq
	Limit         int
	Thread        string // only replies to this message; empty: all messages
}

// SearchPage asks for messages that a query finds with seq below Before, the
// newest first. Limit 0 means 20, at most 100.
type SearchPage struct {
	Query  Query
	Before Seq // 0: not set
	Limit  int
}

// Edit replaces a message's text.
type Edit struct {
	ID       string
	By       User
	Text     string
	Mentions []Mention
	At       time.Time
	// Version is the one that the editor saw; 0: whichever there is.
	Version int64
}

// React puts an emoji under a message, or takes it away.
type React struct {
	ID    string
	User  string
	Emoji string
	On    bool
}

// Unread is what a person has not read in a room. Neither their own messages
// nor deleted ones count.
type Unread struct {
	Read     Seq `json:"read"`     // all up to this one is read
	Count    int `json:"unread"`   // MaxUnread at most
	Mentions int `json:"mentions"` // of them that mention the person, or @room
	LastSeq  Seq `json:"lastSeq"`
}

// MaxUnread is where counting stops.
const MaxUnread = 1000

// RoomUnread is a room that a person has been in.
type RoomUnread struct {
	Room RoomID `json:"id"`
	Unread
	// UpdatedAt is when the newest message was written; nil if there is none.
	UpdatedAt *time.Time `json:"updatedAt"`
}

// RoomPage asks for the rooms that a person has been in, the one visited last
// first. Limit 0 means 50, at most 100.
type RoomPage struct {
	Prefix string // of the room id
	After  RoomID // only those behind it in that order; empty: from the first on
	Limit  int
}

// Line is a system line: something that is no message and stands between two of
// them. Lines have no seq and no rev.
type Line struct {
	N      int64     `json:"n"`    // only grows within a room
	Kind   string    `json:"kind"` // LineJoined or LineRenamed
	User   User      `json:"user"`
	Before string    `json:"before,omitempty"` // the name of who was renamed
	After  Seq       `json:"after"`            // it stands behind this message; 0: before all
	At     time.Time `json:"at"`               // UTC, milliseconds
}

// Kinds of lines.
const (
	LineJoined  = "joined"  // somebody was in the room for the first time
	LineRenamed = "renamed" // a member goes by another name
)

// Limits of lines.
const (
	// MaxLines is how many a room keeps; the oldest go. Who joins a room that has
	// more members than that is no news.
	MaxLines = 100
	// RenameQuiet is how long nothing more is said of a person's names.
	RenameQuiet = 10 * time.Minute
)

// Errors of a chat.
var (
	// ErrConflict says that another person has taken the message id in this
	// room. In another room it is another message's.
	ErrConflict = errors.New("store: id is taken")
	// ErrNoMessage says that the room has no message with the id.
	ErrNoMessage = errors.New("store: no such message")
	// ErrDeleted says that the message was deleted.
	ErrDeleted = errors.New("store: the message is deleted")
	// ErrVersion says that the message has another version by now.
	ErrVersion = errors.New("store: the message has been changed meanwhile")
	// ErrFull says that a message takes no more reactions.
	ErrFull = errors.New("store: too many reactions")
)

// Chat is the part of a Store that keeps rooms' conversations. Every change of a
// message takes the room's next Rev.
type Chat interface {
	// PostMessage stores the message with the room's next seq and, if fact is
	// set, a Fact of kind "message" whose Data is the stored message's JSON.
	// If the same author has already posted this id in this room, it returns
	// that message with created false. What is not said at posting (Seq, Rev,
	// Version, Reactions, Replies, EditedAt, EditedBy, Deleted) is ignored.
	//
	// A Thread that is a reply itself becomes the message that this one answers;
	// ErrNoMessage if there is none, ErrDeleted if it is gone and nobody has
	// answered it. A reply changes the Replies of the message it answers.
	PostMessage(ctx context.Context, m Message, fact bool) (stored Message, created bool, err error)
	// EditMessage replaces the text; the same text again changes nothing.
	// ErrNoMessage, ErrDeleted, ErrVersion. With fact set, those whom the
	// message did not mention before are left in a Fact as PostMessage's, with
	// no other mentions; if there are any.
	EditMessage(ctx context.Context, room RoomID, e Edit, fact bool) (stored Message, changed bool, err error)
	// DeleteMessage drops all but who wrote it when; one deleted before is left
	// as it is. With fact set, a Fact of kind "deleted" is left. ErrNoMessage.
	DeleteMessage(ctx context.Context, room RoomID, id string, fact bool) (stored Message, changed bool, err error)
	// React is idempotent. ErrNoMessage, ErrDeleted, ErrFull.
	React(ctx context.Context, room RoomID, r React) (stored Message, changed bool, err error)
	// ImportMessage stores a message as it is, but for its Rev, which is the next, and
	// its Replies, which count as the replies come. Its Seq must be above all that are
	// there, or 0 for the next. A message whose id is there is passed over.
	ImportMessage(ctx context.Context, m Message) (created bool, err error)

	// Message returns one message, or ErrNoMessage.
	Message(ctx context.Context, room RoomID, id string) (Message, error)
	Messages(ctx context.Context, room RoomID, p MessagePage) ([]Message, error)
	// Changes returns messages as they are now whose Rev is above after, in its
	// order: what is new and what has changed. Limit as in MessagePage.
	Changes(ctx context.Context, room RoomID, after Rev, limit int) ([]Message, error)
	// Search returns what a query finds in a room. A query without words finds
	// nothing, and nothing finds a deleted message.
	Search(ctx context.Context, room RoomID, p SearchPage) ([]Message, error)
	LastSeq(ctx context.Context, room RoomID) (Seq, error)
	// LastRev is 0 for a room without messages.
	LastRev(ctx context.Context, room RoomID) (Rev, error)

	// AddLine stores a line; N and After are the next. added is false for one that
	// is not worth it, see MaxLines and RenameQuiet.
	AddLine(ctx context.Context, room RoomID, l Line) (stored Line, added bool, err error)
	// Lines returns the room's lines, in order.
	Lines(ctx context.Context, room RoomID) ([]Line, error)

	// ReadUpTo says that the person has read all messages up to seq, as far as
	// there are any. It never goes back. Who was not a member is one after it.
	ReadUpTo(ctx context.Context, room RoomID, u User, seq Seq, at time.Time) (Unread, error)
	// Unread counts for a person. Who is no member has read nothing.
	Unread(ctx context.Context, room RoomID, user string) (Unread, error)
	// RoomsOf lists the rooms that the person has been in. The list is empty if
	// they have never been in p.After.
	RoomsOf(ctx context.Context, user string, p RoomPage) ([]RoomUnread, error)
}
