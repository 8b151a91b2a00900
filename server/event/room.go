package event

import (
	"weft/presence"
	"weft/server/store"
)

// The events in this file are about one room. Each is sent to everybody in the
// room: to native connections on the room's channel, to Hocuspocus clients that
// have subscribed, and to the room's streams of server-sent events.

// MaxListed is how many people of one room are announced to its clients. In a
// crowd of N everybody would otherwise be told of N people.
const MaxListed = 200

// Typing lists everybody who is typing in the room's chat, outside of threads.
// It is sent whenever the list changes, on whatever node.
type Typing struct {
	Users []presence.Typist `json:"users"` // 20 at most, the first to start first
}

// EventName implements Event.
func (Typing) EventName() string { return "typing" }

// ThreadTyping lists everybody who is typing in one thread. It is sent whenever
// the list changes, on whatever node.
type ThreadTyping struct {
	Thread string            `json:"thread"` // id of the message that the thread replies to
	Users  []presence.Typist `json:"users"`  // 20 at most, the first to start first
}

// EventName implements Event.
func (ThreadTyping) EventName() string { return "typing.thread" }

// Message is a chat message that has just been stored. The events come in order
// of seq, and the author gets them too.
type Message struct{ store.Message }

// EventName implements Event.
func (Message) EventName() string { return "message" }

// MessageChanged is a stored chat message as it is now, after an edit, a
// deletion, a reaction or a reply to it. Whoever made the change gets it too.
type MessageChanged struct{ store.Message }

// EventName implements Event.
func (MessageChanged) EventName() string { return "message.changed" }

// SystemMessage is something that the server says in the room's chat, such as
// that somebody is new. It stands between two messages and is none itself.
type SystemMessage struct{ store.SystemMessage }

// EventName implements Event.
func (SystemMessage) EventName() string { return "line" }

// Presence is what has changed about who is in the room. It is sent when people
// join or leave, or change their name, status or number of connections; at most
// ten times a second, several changes merged.
type Presence struct {
	// Joins are people as they are now. One whose id is known replaces what was
	// known of that person.
	Joins []presence.Person `json:"joins"`
	// Leaves are ids of people. One that was never announced means nothing.
	Leaves []string `json:"leaves"`
	// Count is how many people are in the room now: in a crowd more than were
	// announced. It is missing if the server does not know it.
	Count *int `json:"count,omitempty"`
}

// EventName implements Event.
func (Presence) EventName() string { return "presence" }

// Storage says whether the server's disk takes updates. While it does not,
// updates are neither acked nor passed on to others. It is sent when that
// changes, and after "joined" if the room is read-only then. It is sent to
// sockets only.
type Storage struct {
	Writable bool `json:"writable"`
}

// EventName implements Event.
func (Storage) EventName() string { return "storage" }
