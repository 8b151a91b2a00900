package presence

import (
	"context"
	"errors"
	"time"
)

// Grace is how long a person stays in a room after their last connection there
// closed, unless the tracker was made with another value.
const Grace = 5 * time.Second

// Slots is the number of person colours; see [weft/presence/awareness.Palette]. A
// person who joins shares a slot with another person only if all slots are taken.
// The slot does not change while the person stays, so two people may go on sharing
// one after others have left.
const Slots = 12

// A connection is [Online] when it joins and whenever it is touched. Without
// activity it becomes [Idle] after IdleAfter and [Away] after AwayAfter, unless the
// tracker was made with other times. [Tracker.MarkIdle] makes it Idle at once. A
// person's status is that of their most active connection.
const (
	// IdleAfter is the time without activity after which a connection is Idle.
	IdleAfter = 2 * time.Minute
	// AwayAfter is the time without activity after which a connection is Away.
	AwayAfter = 30 * time.Minute
)

// ErrClosed is returned by the methods of a tracker that has been closed.
var ErrClosed = errors.New("presence: tracker is closed")

// Member is the entry of one connection of one person in one room.
type Member struct {
	Room string
	// Conn names the connection (a browser tab, a device). A name is never used
	// again for another connection. Joining again with the same Conn replaces the
	// entry.
	Conn   string
	User   string // stable id of the person
	Name   string // display name, plain text
	Avatar string // URL or empty
}

// Person is one person in one room, over all their connections there, as the
// others see them.
type Person struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Avatar  string    `json:"avatar,omitempty"`
	Slot    int       `json:"slot"`    // number of the colour, 0 to 11; kept while the person stays
	Status  Status    `json:"status"`  // in this room: Online, Idle or Away; does not change during the grace period
	Devices int       `json:"devices"` // connections in this room, 0 during the grace period
	Since   time.Time `json:"since"`   // when they joined the room, UTC, whole milliseconds
}

// Status says how active a person is, in a room or over all rooms.
type Status string

// The values of Status, from the most active to the least. In a room there is no
// Offline.
const (
	Online  Status = "online"
	Idle    Status = "idle"
	Away    Status = "away"
	Offline Status = "offline"
)

// UserStatus is the status of one person over all rooms.
type UserStatus struct {
	Status   Status     `json:"status"`             // in the room where they are most active; Offline only after the last grace period
	LastSeen *time.Time `json:"lastSeen,omitempty"` // when the last connection closed, UTC, cut to whole minutes; nil if not known or not Offline
	Devices  int        `json:"devices"`            // distinct Conns over all rooms
}

// Diff is how the people of a room changed. Diffs that are applied in order to a
// list of People keep it correct:
//
//   - Joins holds new people, and people whose name, avatar, status or number of
//     devices changed: the entry replaces the one of the same ID.
//   - Leaves holds people whose grace period ended. An unknown id has no effect.
//   - Nobody is in both.
//
// A further tab of a person is therefore a change and not a second person. The
// beginning of a grace period, when Devices becomes 0, is not reported.
type Diff struct {
	Room   string   `json:"-"`
	Joins  []Person `json:"joins"`
	Leaves []string `json:"leaves"` // user ids
}

// Tracker tracks the people in each room. Safe for concurrent use. Methods return
// [ErrClosed] after Close.
type Tracker interface {
	// Join adds the connection, or replaces the one with the same Conn. It
	// returns the person as they are in the room now.
	Join(ctx context.Context, m Member) (Person, error)
	// Leave closes the connection. The person leaves the room after the grace
	// period, unless they have another connection there by then. Unknown
	// connections are ignored.
	Leave(ctx context.Context, room, conn string) error
	// Touch records activity on the connection. It is cheap; more often than once
	// a second for each connection has no use. Unknown connections are ignored.
	Touch(ctx context.Context, room, conn string) error
	// MarkIdle makes the connection Idle at once: the person has turned to another
	// window. Unknown connections are ignored.
	MarkIdle(ctx context.Context, room, conn string) error
	// People lists the people in the room by arrival, also those in their grace
	// period.
	People(ctx context.Context, room string) ([]Person, error)
	// Count returns how many people are in the room, as far as this node knows now.
	// It never waits; what the node does not know yet arrives with a later Diff.
	Count(ctx context.Context, room string) (int, error)
	// IsPresent reports whether the person has a live connection in the room. A
	// person in their grace period has none.
	IsPresent(ctx context.Context, room, user string) (bool, error)
	// Status returns the status of people over all rooms. Unknown people are
	// Offline. The map has an entry for each of the users.
	Status(ctx context.Context, users []string) (map[string]UserStatus, error)
	// Watch calls fn with every Diff of every room from now on, in order for each
	// room, from one goroutine of the tracker. fn must return quickly: it delays
	// all other watchers, and diffs that queue up are merged. Of the tracker, fn
	// may call only Count.
	//
	// stop ends the calls and waits until none is running; fn must not call it. To
	// follow a room, call Watch first and People then: the first diffs may repeat
	// what the list has.
	Watch(fn func(Diff)) (stop func())
	// WatchStatus begins an empty list of people to watch. fn is called, from one
	// goroutine of the tracker, with the status of a person soon after they were
	// added, and with those whose status changed whenever some have. Of changes in
	// quick succession it may skip all but the last. fn must return quickly and
	// must not call the tracker or the StatusWatch.
	WatchStatus(fn func(map[string]UserStatus)) StatusWatch
	// Close stops timers and goroutines, and waits for them. Calling it again has
	// no effect.
	Close() error
}
