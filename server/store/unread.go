package store

import "time"

// Unread counts what a person has not read in a room. Their own messages and
// deleted ones do not count.
type Unread struct {
	Read     Seq `json:"read"`     // all messages up to this one are read
	Count    int `json:"unread"`   // at most MaxUnread
	Mentions int `json:"mentions"` // how many of them mention the person or @room; at most MaxUnread
	LastSeq  Seq `json:"lastSeq"`  // of the room
}

// MaxUnread is where counting stops.
const MaxUnread = 1000

// RoomUnread is a room that a person has been in.
type RoomUnread struct {
	Room RoomID `json:"id"`
	Unread
	UpdatedAt *time.Time `json:"updatedAt"` // when the newest message was written; nil if there is none
}

// RoomPage selects rooms that a person has been in, the latest visited first.
type RoomPage struct {
	Prefix string // only rooms whose id begins with this
	After  RoomID // only rooms behind this one in that order; empty: from the first on
	Limit  int    // 0 means 50, at most 100
}
