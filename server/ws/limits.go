package ws

import (
	"time"

	"golang.org/x/time/rate"

	"weft/presence"
	"weft/presence/awareness"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// Limits of the WebSocket doors. Sizes are in bytes. A field whose name ends in Burst
// belongs to the rate before it; rates are per second.
type Limits struct {
	Document        int        // one update, with its frame
	Answer          int        // one step 2: all that a client wrote while it was offline
	Event           int        // one event or awareness body, with its frame
	PreAuth         int        // the message with the token: hello, or auth of Hocuspocus
	Rooms           int        // rooms on one connection
	Queue           int        // bytes in a connection's send queue that must arrive; beyond it the connection is closed as too slow
	QueueLen        int        // frames, likewise
	PerAddr         int        // connections from one address; 0: unlimited
	PerPerson       int        // connections of one person with a token; 0: unlimited
	Unauthenticated int        // connections from one address that are not authenticated; 0: unlimited
	New             rate.Limit // new connections from one address
	NewBurst        int
	NewAll          rate.Limit // new connections in all
	NewAllBurst     int
	Bytes           rate.Limit // bytes from one connection
	BytesBurst      int        // at least Document
	Updates         rate.Limit // updates from one connection
	UpdatesBurst    int
	Requests        rate.Limit // requests that cost the server more than the client: step 1, join, typing and the like
	RequestsBurst   int        // enough for a client that reconnects to all its rooms
	Awareness       rate.Limit // awareness messages; stock clients send back all that they receive
	AwarenessBurst  int
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits {
	return Limits{
		Document: 1 << 20, Answer: 16 << 20, Event: 64 << 10, PreAuth: 16 << 10, Rooms: 32,
		Queue: 1 << 20, QueueLen: 1000, PerAddr: 100, PerPerson: 20, Unauthenticated: 20,
		New: 10, NewBurst: 50, NewAll: 200, NewAllBurst: 400, Bytes: 256 << 10, BytesBurst: 2 << 20,
		Updates: 60, UpdatesBurst: 200, Requests: 10, RequestsBurst: 100, Awareness: 200, AwarenessBurst: 400,
	}
}

// LabLimits are DefaultLimits without those on rates and numbers of connections, for
// load tests.
func LabLimits() Limits {
	l := DefaultLimits()
	l.PerAddr, l.PerPerson, l.Unauthenticated = 0, 0, 0
	l.New, l.NewAll, l.Bytes = rate.Inf, rate.Inf, rate.Inf
	l.Updates, l.Requests, l.Awareness = rate.Inf, rate.Inf, rate.Inf
	return l
}

// limits are a door's Limits with Config.OnLimit. The names that it is called with are
// those that the command weft limits lists.
type limits struct {
	Limits
	onLimit func(limit string)
}

// forClients returns the limits in the form that is sent to native clients.
func (l *limits) forClients() event.Limits {
	_, largest := l.largestMessage()
	return event.Limits{
		Update: l.Document - wire.SyncOverhead, Step2: largest - wire.SyncOverhead,
		Event: l.Event - wire.SyncOverhead, Awareness: l.Event - wire.SyncOverhead, AwarenessState: awareness.MaxState,
		Text: chat.MaxText, TextBytes: chat.MaxBytes, Quote: chat.MaxQuote, Mentions: chat.MaxMentions,
		Lines: store.MaxSystemMessages, Rooms: l.Rooms, Watched: event.MaxWatched,
		Typing: presence.TypingTTL.Milliseconds(),
	}
}

// largestMessage returns the limit on the size of any message, in bytes, and its name.
func (l *limits) largestMessage() (name string, bytes int) {
	if l.Document > l.Answer {
		return "message", l.Document
	}
	return "answer", l.Answer
}

// queueIsFull reports whether a connection that has this much to send that must arrive
// may have no more.
func (l *limits) queueIsFull(bytes, frames int) bool {
	switch {
	case bytes > l.Queue:
		l.onLimit("queue")
	case frames >= l.QueueLen:
		l.onLimit("queue-frames")
	default:
		return false
	}
	return true
}

// readLimit is the size at which gorilla stops reading a message and closes with 1009:
// well above the limits, so that a message that exceeds one is answered with a code of
// ours.
func (l Limits) readLimit() int64 { return int64(max(4*l.Document, 4*l.Event, l.Answer+64<<10)) }

// readLimitBeforeAuth is the read limit of a connection that is not authenticated. A
// token is smaller (Limits.PreAuth), but providers send updates right after it, before it
// is answered.
const readLimitBeforeAuth = 2 << 20

const (
	helloWait      = 10 * time.Second // for the event hello
	hocuspocusWait = 30 * time.Second // for the first document; providers may be attached to a socket later
	loadWait       = 10 * time.Second // for a room to be loaded
	renewWait      = 2 * time.Second  // for a stuck connection whose user's rights have changed
	writeWait      = 60 * time.Second // for one frame to be written
	abortAfter     = 5 * time.Second  // a close

	pingPeriod     = 25 * time.Second
	pongWait       = 60 * time.Second // a client may be silent for that long
	probeWait      = 5 * time.Second  // likewise, when another client claims its Yjs client id
	heartbeat      = 25 * time.Second // told to native clients, which ping after half of it
	keepAliveAfter = 10 * time.Second // without a message to a client whose dialect needs some
)
