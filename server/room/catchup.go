package room

import (
	"sync/atomic"
	"time"

	"weft/server/room/feed"
)

// answerFor is how long a room answers readers before other work has its turn.
const answerFor = 10 * time.Millisecond

// answerRequests answers the readers that need it: a step 1 of their clients, or a diff
// because they fell behind the feed. Readers that need the same of one version of the
// document share what is encoded.
func (r *Room) answerRequests() {
	requests := r.feed.TakeRequests()
	for i, begun := 0, time.Now(); i < len(requests); i++ {
		if i > 0 && time.Since(begun) > answerFor {
			r.feed.PutBack(requests[i:])
			return
		}
		reader := requests[i]
		peer := reader.Owner().(Peer)
		if m := r.state.members.of(peer); m != nil && m.reader == reader { // it has not left
			r.answerRequest(m)
		}
	}
}

func (r *Room) answerRequest(m *member) {
	s := r.state
	q := m.reader.TakeRequest()
	a := &feed.Answer{Next: s.appended + 1, Mark: q.Latest, SinceBase: q.StepOne == nil}
	if q.StepOne != nil {
		r.catchUps.stepOnes.Add(1)
		a.Bodies = s.cache.stepTwo(s, q.StepOne)
	} else {
		r.catchUps.behind.Add(1)
		a.Bodies = s.cache.since(s, q.Base)
	}
	d := delivery{to: m, answer: a}
	if m.reader.Echoes() {
		// The answer may include the peer's own updates, and y-websocket clients take an
		// own update that they receive for saved.
		d.after = m.lastRecord
	}
	r.deliverWhenDurable(d)
}

// catchUps counts the answers of all rooms.
type catchUps struct{ stepOnes, behind atomic.Uint64 }

// CaughtUp returns how many diffs to a state vector were sent to peers. asked counts diffs to
// a state vector that the client sent in sync step 1. behind counts diffs to the state that
// the room knew the peer to have when the peer fell behind the feed.
func (h *Hub) CaughtUp() (asked, behind uint64) {
	return h.catchUps.stepOnes.Load(), h.catchUps.behind.Load()
}
