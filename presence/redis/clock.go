package redis

import (
	"container/heap"
	"time"

	"weft/presence"
)

// settle brings a connection that is here into the state that its last activity
// makes it. Under mu.
func (t *Tracker) settle(c *conn, now time.Time) {
	status, _ := presence.StatusAfter(now.Sub(c.active), t.o.Idle, t.o.Away)
	state := stateOf(status)
	if state == c.state {
		if !c.due.After(now) { // touched meanwhile: Touch leaves the deadline where it is
			t.schedule(c)
		}
		return
	}
	t.attach(c, state)
	t.writeLater(c)
	t.show(c.room, c.member.User)
}

// schedule works out when the connection's state will be another by itself. Under mu.
func (t *Tracker) schedule(c *conn) {
	now := time.Now()
	var left time.Duration
	switch {
	case c.state == grace:
		left = t.o.Grace
	case here(c.state):
		_, left = presence.StatusAfter(now.Sub(c.active), t.o.Idle, t.o.Away)
	}
	c.due = now.Add(left)
	switch {
	case left <= 0 && c.index >= 0:
		heap.Remove(&t.due, c.index)
	case left <= 0:
	case c.index >= 0:
		heap.Fix(&t.due, c.index)
	default:
		heap.Push(&t.due, c)
	}
	if c.index == 0 {
		signal(t.clockNow)
	}
}

// deadlines is a heap of connections, the earliest deadline first.
type deadlines []*conn

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *deadlines) Push(x any) {
	c := x.(*conn)
	c.index = len(*h)
	*h = append(*h, c)
}
func (h *deadlines) Pop() any {
	old := *h
	c := old[len(old)-1]
	old[len(old)-1] = nil
	c.index = -1
	*h = old[:len(old)-1]
	return c
}
