package api

import (
	"sync"

	"weft/notify"
	"weft/server/event"
	"weft/server/store"
)

// Live delivers events to the open streams of server-sent events, which are about one
// person or one room. No method blocks. Safe for concurrent use.
type Live struct {
	mu      sync.Mutex
	streams map[topic]map[chan *event.Encoded]string // the owner of each
	owned   map[string]int                           // number of streams by owner
	all     int                                      // number of streams
	closed  bool
}

// topic is what a stream is about: a person or a room.
type topic struct {
	user string
	room store.RoomID
}

// NewLive returns a Live without streams. Close ends it.
func NewLive() *Live {
	return &Live{streams: map[topic]map[chan *event.Encoded]string{}, owned: map[string]int{}}
}

// liveQueue is how many events may wait for one stream. When the queue is full,
// the stream ends: its client reconnects with its last id and gets what it missed.
const liveQueue = 256

// maxStreams is how many streams one owner may have. An owner is a user, or an
// address for requests without a token.
const maxStreams = 20

// Deliver sends a notification to the streams of its user.
func (l *Live) Deliver(n notify.Notification) {
	l.Send(n.User, event.New(event.Notification{Notification: n}))
}

// Send queues an event for every stream of a user.
func (l *Live) Send(user string, e *event.Encoded) { l.send(topic{user: user}, e) }

// SendRoom queues an event for every stream of a room.
func (l *Live) SendRoom(room store.RoomID, e *event.Encoded) { l.send(topic{room: room}, e) }

func (l *Live) send(to topic, e *event.Encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch := range l.streams[to] {
		select {
		case ch <- e:
		default:
			l.remove(to, ch)
		}
	}
}

// push queues an event for one stream, if it is still open.
func (l *Live) push(to topic, ch chan *event.Encoded, e *event.Encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.streams[to][ch]; !open {
		return
	}
	select {
	case ch <- e:
	default:
		l.remove(to, ch)
	}
}

// Has reports whether a room has an open stream.
func (l *Live) Has(room store.RoomID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams[topic{room: room}]) > 0
}

// Streams returns how many streams are open.
func (l *Live) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// open adds a stream. Its channel is closed when the stream must end. ok is false
// if the owner has too many streams or the server is stopping.
func (l *Live) open(to topic, owner string) (events chan *event.Encoded, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.owned[owner] >= maxStreams {
		return nil, false
	}
	events = make(chan *event.Encoded, liveQueue)
	if l.streams[to] == nil {
		l.streams[to] = map[chan *event.Encoded]string{}
	}
	l.streams[to][events] = owner
	l.owned[owner]++
	l.all++
	return events, true
}

// end removes a stream. It may be called again.
func (l *Live) end(to topic, ch chan *event.Encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(to, ch)
}

func (l *Live) remove(to topic, ch chan *event.Encoded) {
	owner, ok := l.streams[to][ch]
	if !ok {
		return
	}
	delete(l.streams[to], ch)
	if len(l.streams[to]) == 0 {
		delete(l.streams, to)
	}
	if l.owned[owner]--; l.owned[owner] == 0 {
		delete(l.owned, owner)
	}
	l.all--
	close(ch)
}

// Close ends all streams; no more can be opened.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for to, streams := range l.streams {
		for ch := range streams {
			l.remove(to, ch)
		}
	}
}
