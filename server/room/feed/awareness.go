package feed

import (
	"container/list"
	"time"

	"weft/presence/awareness"
	"weft/server/wire"
)

// awarenessLog is a room's awareness: the newest state of each client, in order of change.
// Each change gets the next version:
//
//	version    7          9          12         13
//	         ┌──────────┬──────────┬──────────┬──────────┐
//	order    │ client 4 │ client 1 │ client 9 │ client 2 │
//	         └──────────┴──────────┴──────────┴──────────┘
//	                          ▲          published = 12
//	                          a reader that has 9 gets client 9 now,
//	                          client 2 after the next publish
//
// A reader gets the clients that have changed since its version, each once, however often
// they have changed. The zero value is empty. It is guarded by Feed.mu.
type awarenessLog struct {
	order     list.List // of *change, by version
	byClient  map[uint64]*list.Element
	gone      int    // clients in order whose state is null
	last      uint64 // version of the last change
	published uint64 // version up to which readers get changes
	// frames are bodies that readers share, by the version before their first change.
	frames     map[uint64]awarenessFrame
	frameBytes int // in frames
}

// change is the newest state of a client.
type change struct {
	version uint64
	state   awareness.State
	at      time.Time
}

// awarenessFrame is one body with the changes after its key's version up to version to.
type awarenessFrame struct {
	to   uint64
	body *Shared
}

const (
	// AwarenessFrameBytes bounds one body of awareness, in bytes, unless one state alone is
	// larger. Stock clients send back the states that they get as JSON.stringify writes
	// them, up to five times as long (1e20), and a body from them over the server's limit
	// ends their connection.
	AwarenessFrameBytes = 12 << 10
	// MaxGone bounds the clients that are remembered as gone.
	MaxGone = 4096
	// goneFor is how long a client is remembered as gone. The client of a reader that is
	// further behind has removed the state by its own timeout (30 s in y-protocols).
	goneFor = time.Minute
	// maxFrameBytes bounds frames.
	maxFrameBytes = 1 << 20
	// stateOverhead is about how many bytes a state takes besides its JSON.
	stateOverhead = 16
)

// note takes states that have changed. Readers get them after publish.
func (l *awarenessLog) note(states []awareness.State, now time.Time) {
	if l.byClient == nil {
		l.byClient = map[uint64]*list.Element{}
	}
	for _, st := range states {
		l.last++
		c := &change{l.last, st, now}
		if st.Gone() {
			l.gone++
		}
		if e := l.byClient[st.ClientID]; e != nil {
			if e.Value.(*change).state.Gone() {
				l.gone--
			}
			e.Value = c
			l.order.MoveToBack(e)
			continue
		}
		l.byClient[st.ClientID] = l.order.PushBack(c)
	}
	if l.gone > MaxGone {
		l.dropGone(func(*change) bool { return l.gone > MaxGone/2 })
	}
}

// publish lets readers get what was noted. It returns how many bytes are new to a reader that
// had everything before.
func (l *awarenessLog) publish() (bytes int) {
	for e := l.order.Back(); e != nil && e.Value.(*change).version > l.published; e = e.Prev() {
		bytes += len(e.Value.(*change).state.JSON) + stateOverhead
	}
	l.published = l.last
	clear(l.frames)
	l.frameBytes = 0
	return bytes
}

// trim drops clients that have been gone for goneFor, and the shared frames.
func (l *awarenessLog) trim(now time.Time) {
	l.dropGone(func(c *change) bool { return now.Sub(c.at) > goneFor })
	l.frames, l.frameBytes = nil, 0
}

// dropGone drops clients that are gone, from the oldest change on, while drop returns true.
func (l *awarenessLog) dropGone(drop func(*change) bool) {
	var next *list.Element
	for e := l.order.Front(); e != nil && l.gone > 0; e = next {
		next = e.Next()
		c := e.Value.(*change)
		if !c.state.Gone() {
			continue
		}
		if !drop(c) {
			return
		}
		l.order.Remove(e)
		delete(l.byClient, c.state.ClientID)
		l.gone--
	}
}

// hasNews reports whether there are published changes after a version.
func (l *awarenessLog) hasNews(version uint64) bool { return version < l.published }

// next returns one body with changes after *version, which it moves on; nil if there are
// none. It may return nil and move on: to a reader that has nothing yet, clients that are
// gone are not news.
func (l *awarenessLog) next(version *uint64) *Shared {
	if !l.hasNews(*version) {
		return nil
	}
	from := *version
	if f, ok := l.frames[from]; ok {
		*version = f.to
		return f.body
	}
	states, to := l.changesAfter(from)
	*version = to
	if len(states) == 0 {
		return nil
	}
	body := &Shared{Body: wire.AppendAwareness(nil, awareness.Append(nil, states))}
	if l.frameBytes += len(body.Body); l.frameBytes > maxFrameBytes {
		clear(l.frames)
		l.frameBytes = len(body.Body)
	}
	if l.frames == nil {
		l.frames = map[uint64]awarenessFrame{}
	}
	l.frames[from] = awarenessFrame{to, body}
	return body
}

// changesAfter returns the states for one body after version from, and the version that a
// reader has with it.
func (l *awarenessLog) changesAfter(from uint64) (states []awareness.State, to uint64) {
	first := l.order.Back()
	for first != nil {
		prev := first.Prev()
		if prev == nil || prev.Value.(*change).version <= from {
			break
		}
		first = prev
	}
	size := 0
	for e := first; e != nil; e = e.Next() {
		c := e.Value.(*change)
		if c.version <= from || c.version > l.published {
			continue
		}
		if from == 0 && c.state.Gone() {
			continue // the reader has never had this client's state
		}
		if size += len(c.state.JSON) + stateOverhead; size > AwarenessFrameBytes && len(states) > 0 {
			return states, e.Prev().Value.(*change).version
		}
		states = append(states, c.state)
	}
	return states, l.published
}
