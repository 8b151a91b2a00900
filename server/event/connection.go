package event

import (
	"weft/presence"
	"weft/server/store"
)

// The events in this file answer one native connection. They come on channel 0,
// or on a room's channel where the comment says so.

// Welcome answers "hello", on channel 0: the token was accepted. It comes again
// after a later "hello" that renews the token.
type Welcome struct {
	User      store.User `json:"user"`      // whom the connection belongs to
	Heartbeat int64      `json:"heartbeat"` // milliseconds; a client pings twice as often
	Limits    Limits     `json:"limits"`
}

// EventName implements Event.
func (Welcome) EventName() string { return "welcome" }

// Limits is what the server takes, so that a client needs no numbers of its own.
// They hold for one connection and do not change while it lasts.
type Limits struct {
	Update         int `json:"update"`         // bytes of a Yjs update in one sync message of kind "update"
	Step2          int `json:"step2"`          // bytes of a Yjs update in one sync step 2; a longer change can't be saved
	Event          int `json:"event"`          // bytes of one event of the client's, as msgpack
	Awareness      int `json:"awareness"`      // bytes of one awareness update, of however many clients
	AwarenessState int `json:"awarenessState"` // bytes of the JSON of one client's awareness state
	Text           int `json:"text"`           // Unicode code points of a chat message's text
	TextBytes      int `json:"textBytes"`      // bytes of a chat message's text as UTF-8
	Quote          int `json:"quote"`          // bytes of a chat message's quote as JSON text
	Mentions       int `json:"mentions"`       // different mentions in one chat message; further ones are plain text
	Lines          int `json:"lines"`          // system messages that a room keeps, the newest
	Rooms          int `json:"rooms"`          // rooms that the connection may be in at once
	Watched        int `json:"watched"`        // people whom the connection may watch at once
	// Typing is how long a typing mark stands without being renewed, in
	// milliseconds. A client renews it twice as often.
	Typing int64 `json:"typing"`
}

// Joined answers "join", on the channel that the client chose. The stored
// document has been loaded by then. What the room sends follows it.
type Joined struct {
	Room   store.RoomID      `json:"room"`
	Role   string            `json:"role"`   // what the client may do: read, comment, write or admin
	User   store.User        `json:"user"`   // the client's own name in this room
	Slot   int               `json:"slot"`   // 0 to 11, the client's colour
	Count  int               `json:"count"`  // people in the room
	People []presence.Person `json:"people"` // 200 at most, by arrival
	Typing []presence.Typist `json:"typing"` // as in the event "typing"
	// TypingThreads lists who types in threads, by the thread's id, where anybody does.
	TypingThreads map[string][]presence.Typist `json:"typingThreads"`
	LastSeq       store.Seq                    `json:"lastSeq"` // of the newest message; 0: there is none
	LastRev       store.Rev                    `json:"lastRev"` // of the newest change in the chat
	Epoch         string                       `json:"epoch"`   // names the history that seq and rev belong to
	// Read counts what the client's user has not read here. It is missing for guests
	// without a token: the server stores no read marks for them.
	Read *store.Unread `json:"read,omitempty"`
}

// EventName implements Event.
func (Joined) EventName() string { return "joined" }

// Role says, on a room's channel, that what the client may do in the room has
// changed.
type Role struct {
	Role string `json:"role"` // read, comment, write or admin
}

// EventName implements Event.
func (Role) EventName() string { return "role" }

// Refused says, on channel 0, that a room could not be joined, or that the
// client has been removed from it.
type Refused struct {
	Channel uint64      `json:"channel"` // the room's; 0: "watch" was refused
	Code    int         `json:"code"`    // a close code of the protocol
	Problem ProblemCode `json:"problem"` // names the kind of problem; see server/PROTOCOL.md
	Reason  string      `json:"reason"`  // for people
}

// EventName implements Event.
func (Refused) EventName() string { return "refused" }

// Left answers "leave", on channel 0. Nothing comes on the channel any more.
type Left struct {
	Channel uint64 `json:"channel"`
}

// EventName implements Event.
func (Left) EventName() string { return "left" }

// Pong answers "ping", on channel 0.
type Pong struct{}

// EventName implements Event.
func (Pong) EventName() string { return "pong" }

// Sent answers "send", on the room's channel: the message is stored. It is also
// the answer to a repeated "send" with the id of a stored message.
type Sent struct {
	ID      string        `json:"id"` // of the message
	Message store.Message `json:"message"`
}

// EventName implements Event.
func (Sent) EventName() string { return "sent" }

// ProblemCode is the stable name of a kind of problem, in lower case with hyphens.
// Package problem has the table of all kinds.
type ProblemCode string

// Failure says why a request was not carried out.
type Failure struct {
	Code   ProblemCode `json:"code"`   // names the kind of problem; see server/PROTOCOL.md
	Status int         `json:"status"` // an HTTP status code
	Title  string      `json:"title"`  // the same for every failure of this kind, for people
	Detail string      `json:"detail"` // more about this failure, for people
	// RetryAfter is in seconds. It is missing if the server has no advice.
	RetryAfter int `json:"retryAfter,omitempty"`
}

// Unsent answers "send", on the room's channel: the message was not stored.
type Unsent struct {
	ID string `json:"id"` // of the message
	Failure
}

// EventName implements Event.
func (Unsent) EventName() string { return "unsent" }

// Done answers "edit", "delete", "react" and "read", on the room's channel: what
// was asked for is stored.
type Done struct {
	Ref     string         `json:"ref"`               // of the request
	Message *store.Message `json:"message,omitempty"` // as it is now; missing after "read"
	Read    *store.Unread  `json:"read,omitempty"`    // only after "read"
}

// EventName implements Event.
func (Done) EventName() string { return "done" }

// Failed answers "edit", "delete", "react" and "read", on the room's channel:
// what was asked for was not done.
type Failed struct {
	Ref string `json:"ref"` // of the request
	Failure
}

// EventName implements Event.
func (Failed) EventName() string { return "failed" }

// MaxWatched is how many people one connection or stream may watch.
const MaxWatched = 200

// Status is the status of watched people over all rooms and nodes. It is sent
// after "watch", and whenever somebody's status has changed: to native
// connections on channel 0, and to a person's stream that was opened with
// "watch".
type Status struct {
	Users map[string]presence.UserStatus `json:"users"` // by the person's id
}

// EventName implements Event.
func (Status) EventName() string { return "status" }

// Read is what a person has not read in a room. It is sent when the person has
// read something on any device: to all of their native connections, on channel
// 0, and to their streams.
type Read struct {
	Room store.RoomID `json:"room"`
	store.Unread
}

// EventName implements Event.
func (Read) EventName() string { return "read" }
