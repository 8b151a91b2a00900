package api

import (
	"encoding/json"
	"sync"

	"weft/notify"
)

// LiveEvent is one server-sent event for a person.
type LiveEvent struct {
	ID   string // empty: the stream keeps its last id
	Name string
	Data any // becomes JSON
}

// Live brings events to the streams that a person has open. Safe for
// concurrent use.
type Live struct {
	mu      sync.Mutex
	streams map[string]map[chan LiveEvent]struct{}
	closed  bool
}

// NewLive makes a Live.
func NewLive() *Live { return &Live{streams: map[string]map[chan LiveEvent]struct{}{}} }

// liveQueue is how many events may wait for one stream. A full queue ends the
// stream: its client comes back with its last id and gets what it missed.
const liveQueue = 64

// maxStreams is how many streams one person may have.
const maxStreams = 20

// Deliver sends a notification to its person.
func (l *Live) Deliver(n notify.Notification) {
	l.Send(n.User, LiveEvent{ID: n.ID, Name: "notification", Data: n})
}

// Send queues an event for every stream of the person. It does not block.
func (l *Live) Send(user string, e LiveEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch := range l.streams[user] {
		select {
		case ch <- e:
		default:
			l.remove(user, ch)
		}
	}
}

// open adds a stream; its channel is closed when it must end. ok is false when
// the person has too many, or the server stops.
func (l *Live) open(user string) (events chan LiveEvent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.streams[user]) >= maxStreams {
		return nil, false
	}
	events = make(chan LiveEvent, liveQueue)
	if l.streams[user] == nil {
		l.streams[user] = map[chan LiveEvent]struct{}{}
	}
	l.streams[user][events] = struct{}{}
	return events, true
}

// end takes a stream away; it may be called twice.
func (l *Live) end(user string, ch chan LiveEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(user, ch)
}

func (l *Live) remove(user string, ch chan LiveEvent) {
	if _, ok := l.streams[user][ch]; !ok {
		return
	}
	delete(l.streams[user], ch)
	if len(l.streams[user]) == 0 {
		delete(l.streams, user)
	}
	close(ch)
}

// Close ends all streams.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for user, streams := range l.streams {
		for ch := range streams {
			l.remove(user, ch)
		}
	}
}

func (e LiveEvent) encode() ([]byte, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, err
	}
	var b []byte
	if e.ID != "" {
		b = append(b, "id: "+e.ID+"\n"...)
	}
	b = append(b, "event: "+e.Name+"\ndata: "...)
	b = append(b, data...)
	return append(b, "\n\n"...), nil
}
