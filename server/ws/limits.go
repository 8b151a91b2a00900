package ws

import (
	"time"

	"golang.org/x/time/rate"
)

// Limits of the WebSocket doors. Sizes are in bytes.
type Limits struct {
	Document  int        // one update, with its frame
	Answer    int        // one step 2: all that a client wrote while it was away
	Event     int        // one event or awareness body, with its frame
	PreAuth   int        // the hello's frame
	Rooms     int        // rooms on one native connection
	Queue     int        // waiting for one connection that must arrive, before it counts as slow
	QueueLen  int        // frames waiting likewise
	PerAddr   int        // connections from one address; 0: any
	PerPerson int        // connections of one person with a token; 0: any
	Strangers int        // connections from one address that have not said who they are; 0: any
	New       rate.Limit // connections that come from one address
	NewAt     int        // burst
	NewAll    rate.Limit // connections that come in all
	NewAllAt  int        // burst
	Bytes     rate.Limit // of what one connection sends
	BytesAt   int        // burst, at least Document
	Updates   rate.Limit
	UpdatesAt int        // burst
	Asks      rate.Limit // what makes the server work: step 1, join, typing and the like
	AsksAt    int        // burst: a client that comes back to all its rooms
	Moves     rate.Limit // awareness messages; stock clients send back all that they hear
	MovesAt   int        // burst
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits {
	return Limits{
		Document: 1 << 20, Answer: 16 << 20, Event: 64 << 10, PreAuth: 16 << 10, Rooms: 32,
		Queue: 1 << 20, QueueLen: 1000, PerAddr: 100, PerPerson: 20, Strangers: 20,
		New: 10, NewAt: 50, NewAll: 200, NewAllAt: 400, Bytes: 256 << 10, BytesAt: 2 << 20,
		Updates: 60, UpdatesAt: 200, Asks: 10, AsksAt: 100, Moves: 200, MovesAt: 400,
	}
}

// LabLimits lift what counts rates and connections, for load tests.
func LabLimits() Limits {
	l := DefaultLimits()
	l.PerAddr, l.PerPerson, l.Strangers = 0, 0, 0
	l.New, l.NewAll, l.Bytes = rate.Inf, rate.Inf, rate.Inf
	l.Updates, l.Asks, l.Moves = rate.Inf, rate.Inf, rate.Inf
	return l
}

// limits are a door's Limits, and who is told when one of them is hit: its name is
// the one that weft limits knows it by.
type limits struct {
	Limits
	hit func(limit string)
}

// largest is the limit on what may be sent in one message, and its name.
func (l *limits) largest() (name string, bytes int) {
	if l.Document > l.Answer {
		return "message", l.Document
	}
	return "answer", l.Answer
}

// full tells whether as much waits for a connection as may.
func (l *limits) full(bytes, frames int) bool {
	switch {
	case bytes > l.Queue:
		l.hit("queue")
	case frames >= l.QueueLen:
		l.hit("queue-frames")
	default:
		return false
	}
	return true
}

// hardMax is where the socket itself stops reading a message, with 1009: well
// above the limits, so that a message over one is answered with a code of ours.
func (l Limits) hardMax() int64 { return int64(max(4*l.Document, 4*l.Event, l.Answer+64<<10)) }

// strangerMax is the same for who has not said who they are. Tokens are smaller
// (Limits.PreAuth), but providers do not wait for the answer to theirs.
const strangerMax = 2 << 20

const (
	helloWait = 10 * time.Second
	probeWait = 5 * time.Second // for a sign of life when somebody else claims a client id
	// Providers of documents may attach to a Hocuspocus socket later.
	hocuspocusWait = 30 * time.Second
	renewWait      = 2 * time.Second  // for a connection to take note of its person's new rights
	writeWait      = 60 * time.Second // a peer that takes nothing for so long is gone
	pingPeriod     = 25 * time.Second
	pongWait       = 60 * time.Second
	loadWait       = 10 * time.Second
	heartbeat      = 25 * time.Second // what a native client is told
	quiet          = 10 * time.Second // at most, after which a y-websocket client gets a sign of life
	dropTimeout    = 5 * time.Second
)
