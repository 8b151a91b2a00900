package chat

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"weft/server/store"
)

// maxTurn bounds how many changes of a room share a turn.
const maxTurn = 256

// turns lets the changes of a room into the store so that they can be handed on in
// order of rev. Those that come while others are being stored wait and then go in
// together, to share a commit; when all of them are stored, they are handed on, in
// order, and it is the next ones' turn. No goroutine of its own: each change is
// made by who asks for it, and the last one to be stored hands all on. Safe for
// concurrent use.
type turns struct {
	handOn func(room store.RoomID, turn []*change)

	mu    sync.Mutex
	rooms map[store.RoomID]*queue
}

// queue is a room where a turn is under way.
type queue struct {
	turn    []*change
	left    int // of turn, not stored yet
	waiting []*change
}

// change is one post, edit, deletion or reaction.
type change struct {
	ctx  context.Context
	make func() (m store.Message, changed bool, err error)
	post bool

	start chan struct{} // closed when its turn begins
	over  chan struct{} // closed when its turn has been handed on

	m       store.Message
	changed bool
	err     error
}

func newTurns(handOn func(room store.RoomID, turn []*change)) *turns {
	return &turns{handOn: handOn, rooms: map[store.RoomID]*queue{}}
}

// do makes a change in its turn, and returns when it has been handed on.
func (t *turns) do(room store.RoomID, c *change) (store.Message, error) {
	c.start, c.over = make(chan struct{}), make(chan struct{})
	t.mu.Lock()
	q := t.rooms[room]
	if q == nil {
		q = &queue{turn: []*change{c}, left: 1}
		t.rooms[room] = q
		close(c.start)
	} else {
		q.waiting = append(q.waiting, c)
	}
	t.mu.Unlock()
	<-c.start
	t.store(room, q, c)
	<-c.over
	return c.m, c.err
}

func (t *turns) store(room store.RoomID, q *queue, c *change) {
	defer t.stored(room, q) // also if it panics
	c.m, c.changed, c.err = c.make()
}

// stored hands the turn on if all of it is stored.
func (t *turns) stored(room store.RoomID, q *queue) {
	t.mu.Lock()
	q.left--
	turn := q.turn
	last := q.left == 0
	t.mu.Unlock()
	if !last {
		return
	}
	defer t.next(room, q)
	defer func() {
		for _, c := range turn {
			close(c.over)
		}
	}()
	t.handOn(room, turn)
}

// next begins the turn of those who wait.
func (t *turns) next(room store.RoomID, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(q.waiting) == 0 {
		delete(t.rooms, room)
		return
	}
	n := min(len(q.waiting), maxTurn)
	q.turn, q.waiting, q.left = q.waiting[:n:n], q.waiting[n:], n
	for _, c := range q.turn {
		close(c.start)
	}
}

// handOn tells of a turn's changes in order of rev, and of the messages that
// replies have come to or gone from. Nobody else changes the room meanwhile.
func (s *Service) handOn(room store.RoomID, turn []*change) {
	type news struct {
		m    store.Message
		post bool
	}
	var all []news
	roots := map[string]bool{}
	for _, c := range turn {
		if c.err != nil || !c.changed {
			continue
		}
		all = append(all, news{c.m, c.post})
		if root := c.m.Thread; root != "" && (c.post || c.m.Deleted) && !roots[root] {
			roots[root] = true
			// Should it not be readable now, whoever reads it later sees it.
			if m, err := s.c.Store.Message(context.WithoutCancel(c.ctx), room, root); err == nil {
				all = append(all, news{m, false})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b news) int { return cmp.Compare(a.m.Rev, b.m.Rev) })
	last := store.Rev(0)
	for _, n := range all {
		if n.m.Rev == last {
			continue // a root that was changed in the same turn
		}
		last = n.m.Rev
		if n.post {
			s.c.Posted(n.m)
		} else {
			s.c.Changed(n.m)
		}
	}
}
