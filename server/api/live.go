package api

import (
	"encoding/json"
	"sync"

	"weft/notify"
	"weft/server/store"
)

// LiveEvent is one server-sent event.
type LiveEvent struct {
	ID   string // empty: the stream keeps its last id
	Name string
	Data any // becomes JSON
	// Rev and Seq are those of a chat message; 0: it is none.
	Rev store.Rev
	Seq store.Seq
}

// Live brings events to the streams that are open: a person's own, and those of
// rooms. Safe for concurrent use.
type Live struct {
	mu      sync.Mutex
	streams map[topic]map[chan liveEvent]string // whose each one is
	of      map[string]int                      // streams by whose they are
	all     int                                 // streams
	closed  bool
}

// topic is a person, or a room.
type topic struct {
	user string
	room store.RoomID
}

// liveEvent is an event as it is written, but for its id.
type liveEvent struct {
	id   string
	rev  store.Rev
	seq  store.Seq
	text []byte
}

// NewLive makes a Live.
func NewLive() *Live {
	return &Live{streams: map[topic]map[chan liveEvent]string{}, of: map[string]int{}}
}

// liveQueue is how many events may wait for one stream. A full queue ends the
// stream: its client comes back with its last id and gets what it missed.
const liveQueue = 256

// maxStreams is how many streams one person may have.
const maxStreams = 20

// Deliver sends a notification to its person.
func (l *Live) Deliver(n notify.Notification) {
	l.Send(n.User, LiveEvent{ID: n.ID, Name: "notification", Data: n})
}

// Send queues an event for every stream of the person. It does not block.
func (l *Live) Send(user string, e LiveEvent) { l.send(topic{user: user}, e) }

// SendRoom queues an event for every stream of the room. It does not block.
func (l *Live) SendRoom(room store.RoomID, e LiveEvent) { l.send(topic{room: room}, e) }

func (l *Live) send(to topic, e LiveEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.streams[to]) == 0 {
		return
	}
	ready := liveEvent{id: e.ID, rev: e.Rev, seq: e.Seq, text: e.encode()}
	for ch := range l.streams[to] {
		select {
		case ch <- ready:
		default:
			l.remove(to, ch)
		}
	}
}

// push queues an event for one stream.
func (l *Live) push(to topic, ch chan liveEvent, e LiveEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.streams[to][ch]; !open {
		return
	}
	select {
	case ch <- liveEvent{id: e.ID, text: e.encode()}:
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
func (l *Live) open(to topic, whose string) (events chan liveEvent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.of[whose] >= maxStreams {
		return nil, false
	}
	events = make(chan liveEvent, liveQueue)
	if l.streams[to] == nil {
		l.streams[to] = map[chan liveEvent]string{}
	}
	l.streams[to][events] = whose
	l.of[whose]++
	l.all++
	return events, true
}

// end takes a stream away; it may be called twice.
func (l *Live) end(to topic, ch chan liveEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(to, ch)
}

func (l *Live) remove(to topic, ch chan liveEvent) {
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

// encode is the event without its id.
func (e LiveEvent) encode() []byte {
	data, err := json.Marshal(e.Data)
	if err != nil {
		panic(err) // our own types always encode
	}
	b := append([]byte("event: "+e.Name+"\ndata: "), data...)
	return append(b, "\n\n"...)
}
