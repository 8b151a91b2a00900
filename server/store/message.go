package store

import (
	"encoding/json"
	"time"
)

// Seq numbers a room's chat messages 1, 2, 3, … without gaps.
type Seq int64

// Rev numbers the changes in a room's chat: each new message, and each change of
// a message, takes the next. It only grows.
type Rev int64

// Message is one chat message, in the JSON form that clients get. All times are
// UTC in whole milliseconds.
type Message struct {
	ID        string          `json:"id"` // 1 to 64 bytes, chosen by the author's client; unique in the room
	Room      RoomID          `json:"room"`
	Seq       Seq             `json:"seq"`
	Rev       Rev             `json:"rev"`     // of the last change, of whatever kind
	Version   int64           `json:"version"` // of the text: 1, plus one for each edit and for the deletion
	User      User            `json:"user"`    // the author
	Text      string          `json:"text"`
	Thread    string          `json:"thread,omitempty"` // id of the message that this one replies to; that one is no reply itself
	Quote     json.RawMessage `json:"quote,omitempty"`
	Mentions  []Mention       `json:"mentions"`
	Reactions []Reaction      `json:"reactions"`         // in the order of each emoji's first use
	Replies   *Replies        `json:"replies,omitempty"` // nil if there are none
	CreatedAt time.Time       `json:"createdAt"`
	EditedAt  *time.Time      `json:"editedAt"`
	EditedBy  *User           `json:"editedBy,omitempty"` // of the last edit, if that was not the author
	Deleted   bool            `json:"deleted"`            // text, quote, mentions and reactions are gone
}

// User is the author stamp stored with a message: id and name at that time.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Mention is a person named in a message's text, or everybody in the room.
type Mention struct {
	User string `json:"user,omitempty"` // empty for @room
	Room bool   `json:"room,omitempty"` // @room
}

// Reaction is one emoji under a message, with the ids of the users who chose it,
// in the order of their choosing.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Replies sums up the replies to a message. Deleted replies do not count.
type Replies struct {
	Count  int       `json:"count"`
	Last   time.Time `json:"last"`   // when the newest reply was written
	People []User    `json:"people"` // up to 3 different authors of the newest 20 replies, the latest first
}

// Limits of the reactions to one message.
const (
	MaxEmoji     = 20  // different emoji
	MaxReactions = 500 // in all
)

// MessagePage selects messages by seq: those with After < seq < Before. If After
// is set, a page holds the oldest Limit of them, else the newest Limit.
// Either way they come in ascending order of seq.
type MessagePage struct {
	Before, After Seq    // 0: not set; After -1: from the first message on
	Limit         int    // 0 means 50, at most 200
	Thread        string // only replies to the message with this id; empty: all messages
}

// SearchPage selects the messages that a query finds, the newest first.
type SearchPage struct {
	Query  Query
	Before Seq // only messages with a lower seq; 0: not set
	Limit  int // 0 means 20, at most 100
}

// Edit replaces a message's text and mentions.
type Edit struct {
	ID       string // of the message
	By       User
	Text     string
	Mentions []Mention
	At       time.Time
	// Version is the one that the editor saw: the edit applies to no other. 0
	// means any version.
	Version int64
}

// ReactionChange puts a user's emoji under a message, or takes it away.
type ReactionChange struct {
	ID    string // of the message
	User  string
	Emoji string
	On    bool // false: take it away
}
