package event

// The events in this file are sent by native clients. Those on channel 0 are
// about the connection, the others go on the channel of a joined room. The
// server ignores members that it does not know.

// Hello is the first event of a connection, on channel 0, at most 10 s after
// the connection was opened. It is answered by "welcome". A later one renews the
// token of the same person.
type Hello struct {
	Token string `json:"token"` // empty: the one that came with the HTTP request
}

// EventName implements Event.
func (Hello) EventName() string { return "hello" }

// Join enters a room, on channel 0. It is answered by "joined" on the new
// channel or by "refused".
type Join struct {
	Channel uint64 `json:"channel"` // 1 to 1,000,000, not in use
	Room    string `json:"room"`
}

// EventName implements Event.
func (Join) EventName() string { return "join" }

// Leave leaves a room, on channel 0. It is answered by "left".
type Leave struct {
	Channel uint64 `json:"channel"` // of the room
}

// EventName implements Event.
func (Leave) EventName() string { return "leave" }

// Active says, on channel 0, what the server cannot see: that the user did
// something, such as scrolling, or has turned away. It has no answer.
type Active struct {
	On bool `json:"on"` // false: the user has turned away and is idle at once
}

// EventName implements Event.
func (Active) EventName() string { return "active" }

// Watch asks for the status of people over all rooms, on channel 0. It is
// answered by "status", now and at every change.
type Watch struct {
	Users []string `json:"users"` // ids, 256 bytes each at most
}

// EventName implements Event.
func (Watch) EventName() string { return "watch" }

// Unwatch ends Watch for some people, on channel 0. It has no answer; a "status"
// that was sent before may still arrive.
type Unwatch struct {
	Users []string `json:"users"` // ids
}

// EventName implements Event.
func (Unwatch) EventName() string { return "unwatch" }

// Ping asks for a sign of life, on channel 0. It is answered by "pong".
type Ping struct{}

// EventName implements Event.
func (Ping) EventName() string { return "ping" }

// Send posts a chat message, on the room's channel. It is answered by "sent" or
// "unsent". Repeating it with the same id stores nothing new.
type Send struct {
	ID     string `json:"id"` // 1 to 64 bytes, made by the client; a ULID is good
	Text   string `json:"text"`
	Thread string `json:"thread,omitempty"` // id of the message that it replies to
	Quote  string `json:"quote,omitempty"`  // JSON text of an object
}

// EventName implements Event.
func (Send) EventName() string { return "send" }

// SetTyping says, on the room's channel, that the user types. A client repeats
// it every 3 s; without that it ends by itself after 6 s. It has no answer.
type SetTyping struct {
	On     bool   `json:"on"`
	Thread string `json:"thread,omitempty"` // id of the message whose thread it is about; empty: none
}

// EventName implements Event.
func (SetTyping) EventName() string { return "typing" }

// Edit replaces the text of a message, on the room's channel. It is answered by
// "done" or "failed".
type Edit struct {
	Ref  string `json:"ref"` // the client's name for the request, 64 bytes at most
	ID   string `json:"id"`  // of the message
	Text string `json:"text"`
	// Version is the one that the user has seen: the message is changed only if
	// it still has it. 0: any.
	Version int64 `json:"version,omitempty"`
}

// EventName implements Event.
func (Edit) EventName() string { return "edit" }

// Delete deletes what a message says, on the room's channel; its place stays. It
// is answered by "done" or "failed".
type Delete struct {
	Ref string `json:"ref"` // the client's name for the request, 64 bytes at most
	ID  string `json:"id"`  // of the message
}

// EventName implements Event.
func (Delete) EventName() string { return "delete" }

// React puts the user's emoji under a message or takes it away, on the room's
// channel. It is answered by "done" or "failed".
type React struct {
	Ref   string `json:"ref"` // the client's name for the request, 64 bytes at most
	ID    string `json:"id"`  // of the message
	Emoji string `json:"emoji"`
	On    bool   `json:"on"` // false: take it away
}

// EventName implements Event.
func (React) EventName() string { return "react" }

// MarkRead says, on the room's channel, that the user has read all messages up
// to seq. It is answered by "done" or "failed".
type MarkRead struct {
	Ref string `json:"ref"` // the client's name for the request, 64 bytes at most
	Seq int64  `json:"seq"`
}

// EventName implements Event.
func (MarkRead) EventName() string { return "read" }
