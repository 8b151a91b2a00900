package event

import (
	"weft/notify"
	"weft/server/store"
)

// The events in this file are sent to streams of server-sent events only.

// Connected is the first event of a person's own stream, GET /api/events.
type Connected struct {
	User string `json:"user"` // the person's id
	// Recovered says that every notification since Last-Event-ID follows. If it
	// is false, the client reads the inbox.
	Recovered bool `json:"recovered"`
	notify.Counts
}

// EventName implements Event.
func (Connected) EventName() string { return "connected" }

// RoomConnected is the first event of a room's stream, GET
// /api/rooms/{room}/events.
type RoomConnected struct {
	User string       `json:"user"` // the id of whoever opened the stream
	Room store.RoomID `json:"room"`
	// Recovered says that every change since Last-Event-ID follows, each message
	// as it is now. If it is false, the client reads a page of messages.
	Recovered bool      `json:"recovered"`
	Epoch     string    `json:"epoch"`   // names the history that seq and rev belong to
	LastRev   store.Rev `json:"lastRev"` // of the newest change in the chat
	LastSeq   store.Seq `json:"lastSeq"` // of the newest message; 0: there is none
}

// EventName implements Event.
func (RoomConnected) EventName() string { return "connected" }

// Notification is a new line in a person's inbox. It is sent to the person's
// streams; its id is also the id of the server-sent event.
type Notification struct{ notify.Notification }

// EventName implements Event.
func (Notification) EventName() string { return "notification" }

// Counts says how much of a person's inbox is unread and unseen. It is sent to
// the person's streams when they have read something on any device.
type Counts struct{ notify.Counts }

// EventName implements Event.
func (Counts) EventName() string { return "counts" }
