package room

import (
	"sync/atomic"
	"time"

	"weft/server/auth"
	"weft/server/wire"
)

// An update may come before those that it builds on. It waits in the document then (it is
// pending), and is stored and acked like any other: so nothing drops it, however old it
// gets, and the next load would bring it back. How much may wait is bounded in crdt. What
// the room does is to ask for what is missing (sync step 1): at once the peer that has
// brought what waits, and then all who may write, until Limits.Pending is over.

// gap is what the room knows of updates that wait.
type gap struct {
	since atomic.Int64 // when they began to, in Unix ns; 0: none waits. Anybody may read it
	size  int          // of what waits

	asked map[*member]time.Time // who has brought some of it, and when they were asked last
	next  time.Time             // when all are asked
	pause time.Duration         // until they are asked again; doubles
	turn  int                   // the seat in the row that is asked next
	over  bool                  // Limits.Pending is over, and that has been counted
}

const (
	// Who brings more that must wait is asked again after askAgain.
	askAgain = 30 * time.Second
	// All are asked askFirst after something has begun to wait, askMost at a tick.
	askFirst = 3 * time.Second
	askMost  = 32
)

// begin takes note that something waits.
func (g *gap) begin(now time.Time) {
	g.since.Store(now.UnixNano())
	g.next, g.pause = now.Add(askFirst), 2*askFirst
}

// end takes note that nothing waits any more.
func (g *gap) end() {
	g.since.Store(0)
	g.size, g.asked, g.turn, g.over = 0, nil, 0, false
}

func (g *gap) open() bool { return g.since.Load() != 0 }

// age is for how long something has waited.
func (g *gap) age(now time.Time) time.Duration {
	if since := g.since.Load(); since != 0 {
		return now.Sub(time.Unix(0, since))
	}
	return 0
}

// chase is called when an update of m's has changed the document. It appends a question for
// m, which has all that its update builds on, if that has to wait; but not while m still owes
// the answer to another, which will bring the same.
func (s *state) chase(effects []effect, m *member, now time.Time) []effect {
	g := &s.gap
	if !s.doc.HasPending() {
		if g.open() {
			g.end()
		}
		return effects
	}
	if !g.open() {
		g.begin(now)
	}
	before := g.size
	g.size = s.doc.Stats().Pending
	if at, asked := g.asked[m]; g.size <= before || m.lapse.asked > 0 || asked && now.Sub(at) < askAgain {
		return effects
	}
	if g.asked == nil {
		g.asked = map[*member]time.Time{}
	}
	g.asked[m] = now
	return append(effects, s.ask(m))
}

// chaseAll asks all for what is missing, if it is time.
func (s *state) chaseAll(now time.Time) (effects []effect) {
	g := &s.gap
	switch {
	case !g.open():
		return nil
	case g.age(now) >= s.limits.Pending:
		if !g.over {
			g.over = true
			effects = append(effects, effect{kind: count, limit: "pending-wait", reason: "updates wait for others that nobody brings; they are kept"})
		}
		return effects
	case s.readOnly || now.Before(g.next):
		return nil
	}
	question := wire.AppendStep1(nil, s.doc.EncodeStateVector())
	for row := s.members.row; g.turn < len(row) && len(effects) < askMost; g.turn++ {
		if m := row[g.turn].member; m.who.Role >= auth.Write && m.lapse.asked == 0 {
			effects = append(effects, m.ask(question))
		}
	}
	if g.turn >= s.members.len() {
		g.turn, g.next, g.pause = 0, now.Add(g.pause), 2*g.pause
	}
	return effects
}

// Pending returns in how many open rooms updates wait for others, and for how long in the
// one where they have longest.
func (h *Hub) Pending() (rooms int, longest time.Duration) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.rooms {
		if r := e.ready(); r != nil && r.state.gap.open() {
			rooms++
			longest = max(longest, r.state.gap.age(now))
		}
	}
	return rooms, longest
}
