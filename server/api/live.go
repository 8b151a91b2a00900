package api

import (
	"sync"

	"weft/notify"
	"weft/server/event"
	"weft/server/store"
)

// Live brings events to the streams that are open: a person's own, and those of
// rooms. Safe for concurrent use.
type Live struct {
	mu      sync.Mutex
	streams map[topic]map[chan *event.Encoded]string // whose each one is
	of      map[string]int                           // streams by whose they are
	all     int                                      // streams
	closed  bool
}

// topic is a person, or a room.
type topic struct {
	user string
	room store.RoomID
}

// NewLive makes a Live.
func NewLive() *Live {
	return &Live{streams: map[topic]map[chan *event.Encoded]string{}, of: map[string]int{}}
}

// liveQueue is how many events may wait for one stream. A full queue ends the
// stream: its client comes back with its last id and gets what it missed.
const liveQueue = 256

// maxStreams is how many streams one person may have.
const maxStreams = 20

// Deliver sends a notification to its person.
func (l *Live) Deliver(n notify.Notification) {
	l.Send(n.User, event.New(event.Notification{Notification: n}))
}

// Send queues an event for every stream of the person. It does not block.
func (l *Live) Send(user string, e *event.Encoded) { l.send(topic{user: user}, e) }

// SendRoom queues an event for every stream of the room. It does not block.
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

// push queues an event for one stream.
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

// Has tells whether a room has a stream.
func (l *Live) Has(room store.RoomID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams[topic{room: room}]) > 0
}

// Streams is how many are open.
func (l *Live) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// open adds a stream; its channel is closed when it must end. ok is false when
// whose it is has too many, or the server stops.
func (l *Live) open(to topic, whose string) (events chan *event.Encoded, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.of[whose] >= maxStreams {
		return nil, false
	}
	events = make(chan *event.Encoded, liveQueue)
	if l.streams[to] == nil {
		l.streams[to] = map[chan *event.Encoded]string{}
	}
	l.streams[to][events] = whose
	l.of[whose]++
	l.all++
	return events, true
}

// end takes a stream away; it may be called twice.
func (l *Live) end(to topic, ch chan *event.Encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(to, ch)
}

func (l *Live) remove(to topic, ch chan *event.Encoded) {
	whose, ok := l.streams[to][ch]
	if !ok {
		return
	}
	delete(l.streams[to], ch)
	if len(l.streams[to]) == 0 {
		delete(l.streams, to)
	}
	if l.of[whose]--; l.of[whose] == 0 {
		delete(l.of, whose)
	}
	l.all--
	close(ch)
}

// Close ends all streams.
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
