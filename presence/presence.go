// Package presence knows who is here: people, rolled up from their open
// tabs, in rooms named by opaque strings.
//
// A person who closes a tab stays for a grace period, so that a reload or a
// failover shows nothing to the others. The package imports nothing of Weft's.
package presence

import (
	"context"
	"time"
)

// Grace is how long a person stays in a room after their last connection
// there ended, unless the tracker was made with another value.
const Grace = 5 * time.Second

// Slots is the number of person colours. Two people in a room share a slot
// only when more than Slots people are in it.
const Slots = 12

// Member is one connection of one person to one room.
type Member struct {
	Room string
	// Conn names the connection (a browser tab, a device); unique in the
	// process and for ever. Joining again with the same Conn replaces.
	Conn   string
	User   string // stable id of the person
	Name   string // display name, plain text
	Avatar string // URL or empty
}

// Person is everybody's view of one person in one room.
type Person struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Avatar  string    `json:"avatar,omitempty"`
	Slot    int       `json:"slot"`    // 0..11, colour; stable while the room remembers the person
	Status  Status    `json:"status"`  // online, or offline during the grace period is never shown: it stays online
	Devices int       `json:"devices"` // connections in this room, 0 during the grace period
	Since   time.Time `json:"since"`
}

// Status of a person, over all rooms.
type Status string

// The states of a person.
const (
	Online  Status = "online"
	Idle    Status = "idle"
	Away    Status = "away"
	Offline Status = "offline"
)

// Seen is what is known of a person over all rooms.
type Seen struct {
	Status   Status     `json:"status"`
	LastSeen *time.Time `json:"lastSeen,omitempty"` // coarse (whole minutes); nil if never seen or online now
	Devices  int        `json:"devices"`
}

// Diff is what changed in a room, people rolled up: a second tab of the same
// person is no join, and leaving it is no leave. A changed name, avatar or
// device count arrives as a join of a person already known.
type Diff struct {
	Room   string   `json:"-"`
	Joins  []Person `json:"joins"`
	Leaves []string `json:"leaves"` // user ids
}

// Tracker keeps who is where. Safe for concurrent use by many goroutines.
type Tracker interface {
	// Join adds the connection, or replaces it if Conn is known.
	Join(ctx context.Context, m Member) (Person, error)
	// Leave ends the connection. The person leaves the room Grace later,
	// unless another connection of theirs is there by then. Unknown
	// connections are ignored.
	Leave(ctx context.Context, room, conn string) error
	// People lists the people in the room, by arrival.
	People(ctx context.Context, room string) ([]Person, error)
	// Here tells whether the person has a live connection in the room (the
	// grace period does not count).
	Here(ctx context.Context, room, user string) (bool, error)
	// Status of people over all rooms; unknown people are Offline.
	Status(ctx context.Context, users []string) (map[string]Seen, error)
	// Watch calls fn with every Diff of every room, in order per room, from
	// one goroutine of the tracker. fn must return quickly and must not call
	// the tracker. The returned stop waits until no call is under way.
	Watch(fn func(Diff)) (stop func())
	// Close ends timers and goroutines, and waits for them.
	Close() error
}
