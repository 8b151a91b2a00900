package chat

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"weft/server/store"
)

// maxBatch bounds how many changes of a room are stored at the same time.
const maxBatch = 256

// batcher stores the changes of each room in batches, so that they can be announced
// in order of rev although many are stored at once:
//
//	change arrives → waiting → (batch before it announced) storing → stored
//	last of the batch stored → announce the whole batch → next batch begins
//
// The changes of a batch go to the store concurrently, so they share a commit. A
// lock held over the commit instead would allow one message per commit and room.
//
// A batcher has no goroutine: each caller stores its own change, and the one that
// stores the last change of a batch announces all of it. The number of waiting
// changes is bounded by the number of callers. It is safe for concurrent use.
type batcher struct {
	announce func(room store.RoomID, batch []*change)

	mu    sync.Mutex
	rooms map[store.RoomID]*roomQueue // only rooms with unannounced changes
}

// roomQueue holds the changes of a room that are not announced yet. batcher.mu guards it.
type roomQueue struct {
	batch   []*change // being stored or announced
	left    int       // how many of batch are not stored yet
	waiting []*change // for the batches after it
}

// change is one post, edit, deletion or reaction.
type change struct {
	ctx    context.Context
	store  func() (m store.Message, changed bool, err error)
	isPost bool

	start     chan struct{} // closed when its batch begins
	announced chan struct{} // closed when its batch has been announced

	// What store returned. Set before announced is closed.
	m       store.Message
	changed bool
	err     error
}

func newBatcher(announce func(room store.RoomID, batch []*change)) *batcher {
	return &batcher{announce: announce, rooms: map[store.RoomID]*roomQueue{}}
}

// do stores a change in a batch, and returns when the batch has been announced. It
// does not watch c.ctx while it waits: c.store does when it is called.
func (b *batcher) do(room store.RoomID, c *change) (store.Message, error) {
	c.start, c.announced = make(chan struct{}), make(chan struct{})
	b.mu.Lock()
	q := b.rooms[room]
	if q == nil {
		q = &roomQueue{batch: []*change{c}, left: 1}
		b.rooms[room] = q
		close(c.start)
	} else {
		q.waiting = append(q.waiting, c)
	}
	b.mu.Unlock()
	<-c.start
	b.storeOne(room, q, c)
	<-c.announced
	return c.m, c.err
}

func (b *batcher) storeOne(room store.RoomID, q *roomQueue, c *change) {
	defer b.stored(room, q) // also if the store panics, or the room would halt
	c.m, c.changed, c.err = c.store()
}

// stored counts a change as stored. The last one of a batch announces the batch.
func (b *batcher) stored(room store.RoomID, q *roomQueue) {
	b.mu.Lock()
	q.left--
	batch := q.batch
	isLast := q.left == 0
	b.mu.Unlock()
	if !isLast {
		return
	}
	defer b.beginNext(room, q)
	defer func() {
		for _, c := range batch {
			close(c.announced)
		}
	}()
	b.announce(room, batch)
}

// beginNext begins the batch of the changes that wait, or drops the room's queue if
// there are none.
func (b *batcher) beginNext(room store.RoomID, q *roomQueue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(q.waiting) == 0 {
		delete(b.rooms, room)
		return
	}
	n := min(len(q.waiting), maxBatch)
	q.batch, q.waiting, q.left = q.waiting[:n:n], q.waiting[n:], n
	for _, c := range q.batch {
		close(c.start)
	}
}

// announce calls Posted and Changed for a batch in order of rev. A thread's first
// message is changed by each new or deleted reply (its Replies), so it is announced
// too, once. No other change of the room is stored meanwhile.
func (s *Service) announce(room store.RoomID, batch []*change) {
	type announcement struct {
		m      store.Message
		isPost bool
	}
	var all []announcement
	roots := map[string]bool{}
	for _, c := range batch {
		if c.err != nil || !c.changed {
			continue
		}
		all = append(all, announcement{c.m, c.isPost})
		if root := c.m.Thread; root != "" && (c.isPost || c.m.Deleted) && !roots[root] {
			roots[root] = true
			// If it cannot be read now, clients get it when they next read changes.
			if m, err := s.c.Store.Message(context.WithoutCancel(c.ctx), room, root); err == nil {
				all = append(all, announcement{m, false})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b announcement) int { return cmp.Compare(a.m.Rev, b.m.Rev) })
	last := store.Rev(0)
	for _, a := range all {
		if a.m.Rev == last {
			continue // a thread's first message that a change of this batch left so
		}
		last = a.m.Rev
		if a.isPost {
			s.c.Posted(a.m)
		} else {
			s.c.Changed(a.m)
		}
	}
}
