// Package presence knows who is here: people, rolled up from their open
// tabs, in rooms named by opaque strings.
//
// A person who closes a tab stays for a grace period, so that a reload or a
// failover shows nothing to the others. The package imports nothing of Weft's.
package presence

import (
	"context"
	"errors"
	"time"
)

// Grace is how long a person stays in a room after their last connection
// there ended, unless the tracker was made with another value.
const Grace = 5 * time.Second

// Slots is the number of person colours. A person who arrives shares a slot with
// another only if all Slots are taken; nobody's changes while they stay, so two
// may go on sharing one after the crowd has thinned.
const Slots = 12

// A connection is active when it joins and whenever it is touched. It is Idle after
// IdleAfter without that, or once it says so, and Away after AwayAfter; a tracker
// may be made with other times. A person is as their most active connection is.
const (
	IdleAfter = 2 * time.Minute
	AwayAfter = 30 * time.Minute
)

// ErrClosed is the answer of a tracker that was closed.
var ErrClosed = errors.New("presence: tracker is closed")

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
	Status  Status    `json:"status"`  // in this room: online, idle or away; the grace period changes nothing
	Devices int       `json:"devices"` // connections in this room, 0 during the grace period
	Since   time.Time `json:"since"`   // arrival in the room, UTC, milliseconds
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

// UserStatus is what is known of a person over all rooms.
type UserStatus struct {
	Status   Status     `json:"status"`             // of the most active room; Offline only after the grace period
	LastSeen *time.Time `json:"lastSeen,omitempty"` // when the last connection ended, UTC, cut to whole minutes; nil if never seen or not Offline
	Devices  int        `json:"devices"`            // distinct Conns over all rooms
}

// Diff is what changed in a room, people rolled up: a second tab of the same
// person is no join, and leaving it is no leave. A changed name, avatar, status
// or device count arrives as a join of a person already known; the count falling
// to 0 at the start of the grace period is not told. A leave of somebody unknown
// means nothing. Nobody is in both. Applied in order to a list of People, diffs
// keep it true.
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
	// Touch says that the person did something on this connection. Cheap; at
	// most one a second per connection makes sense. Unknown connections are
	// ignored.
	Touch(ctx context.Context, room, conn string) error
	// Rest says that the person has turned away from this connection: it is
	// idle at once. Unknown connections are ignored.
	MarkIdle(ctx context.Context, room, conn string) error
	// People lists the people in the room, by arrival.
	People(ctx context.Context, room string) ([]Person, error)
	// Count is how many People would list. It waits for nothing: what is not known
	// yet comes with a later Diff.
	Count(ctx context.Context, room string) (int, error)
	// Here tells whether the person has a live connection in the room (the
	// grace period does not count).
	IsPresent(ctx context.Context, room, user string) (bool, error)
	// Status of people over all rooms; unknown people are Offline.
	Status(ctx context.Context, users []string) (map[string]UserStatus, error)
	// Watch calls fn with every Diff of every room, in order per room, from
	// one goroutine of the tracker. fn must return quickly and call nothing
	// of the tracker but Count. The returned stop waits until no call is under way; fn must
	// not call it either. To follow a room, Watch first and list its People
	// then: a diff or two may repeat what the list says already.
	Watch(fn func(Diff)) (stop func())
	// Follow begins an empty list of people. fn is called with how they are, as
	// soon as that is known, and with those who have changed whenever some have;
	// of changes that come fast it may skip some and ends at the last. It is
	// called from one goroutine of the tracker, must return quickly, and must
	// not call the tracker or the StatusWatch.
	WatchStatus(fn func(map[string]UserStatus)) StatusWatch
	// Close ends timers and goroutines, and waits for them.
	Close() error
}
