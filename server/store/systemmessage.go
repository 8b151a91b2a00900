package store

import "time"

// SystemMessage is something that the server says in a room's chat, such as that
// somebody is new. It stands between two messages and has neither seq nor rev.
type SystemMessage struct {
	N       int64     `json:"n"`    // only grows within a room
	Kind    string    `json:"kind"` // SystemJoined or SystemRenamed
	User    User      `json:"user"`
	OldName string    `json:"before,omitempty"` // of SystemRenamed
	After   Seq       `json:"after"`            // it stands behind this message; 0: before all
	At      time.Time `json:"at"`               // UTC, milliseconds
}

// Kinds of system messages. They are stored: never change them.
const (
	SystemJoined  = "joined"  // the user was in the room for the first time
	SystemRenamed = "renamed" // a member goes by another name
)

// Limits of system messages.
const (
	// MaxSystemMessages is how many a room keeps; the oldest are deleted. In a room
	// that has more members than that, nobody's joining is announced.
	MaxSystemMessages = 100
	// RenameQuiet is how long after a member's change of name further changes are
	// not announced.
	RenameQuiet = 10 * time.Minute
)
