package presence

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// TypingTTL is how long a typing mark stands without being set again. Clients set
// it every 2 to 3 seconds while they type.
const TypingTTL = 6 * time.Second

// MaxTypists is how many people a typing set names at most.
const MaxTypists = 20

// Typist is a person who types.
type Typist struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Typing keeps who types in which room: marks that fall by themselves. Safe for
// concurrent use.
type Typing struct {
	ttl      time.Duration
	onChange func(room string, users []Typist)
	stop     context.CancelFunc
	done     sync.WaitGroup
	wake     chan struct{} // capacity 1: rooms are dirty, or there is a deadline

	mu    sync.Mutex
	rooms map[string]*typingRoom
	// Marks by the time they were last set. With one TTL for all, the front is
	// the next to fall.
	marks *list.List // of *mark
	dirty []string   // rooms to look at, each once
}

type typingRoom struct {
	marks map[string]*list.Element // by connection
	told  []Typist
	dirty bool
}

type mark struct {
	room, conn string
	who        Typist
	start, set time.Time
}

// NewTyping starts a keeper of typing marks with one goroutine; Close it. ttl 0
// means TypingTTL.
//
// onChange gets the whole set of a room whenever it has changed: one entry per
// person however many connections they type on, by when they started, at most
// MaxTypists; empty, never nil, when nobody types. It is called from the one
// goroutine, holding no lock, so it may call anything here but Close. While it is
// busy, changes of a room collapse into the latest, so at most one call per room
// waits.
func NewTyping(ttl time.Duration, onChange func(room string, users []Typist)) *Typing {
	ctx, stop := context.WithCancel(context.Background())
	t := &Typing{
		ttl:      cmp.Or(ttl, TypingTTL),
		onChange: onChange,
		stop:     stop,
		wake:     make(chan struct{}, 1),
		rooms:    map[string]*typingRoom{},
		marks:    list.New(),
	}
	t.done.Go(func() { t.run(ctx) })
	return t
}

// Set marks the connection as typing, or, with on false, as no longer typing.
func (t *Typing) Set(room, conn string, who Typist, on bool) {
	if !on {
		t.Clear(room, conn)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rooms[room]
	if r == nil {
		r = &typingRoom{marks: map[string]*list.Element{}}
		t.rooms[room] = r
	}
	now := time.Now()
	if e := r.marks[conn]; e != nil && e.Value.(*mark).who.ID == who.ID {
		m := e.Value.(*mark)
		m.who, m.set = who, now
		t.marks.MoveToBack(e)
	} else {
		t.drop(r, conn)
		r.marks[conn] = t.marks.PushBack(&mark{room, conn, who, now, now})
	}
	t.touch(room, r)
}

// Clear takes the connection's mark away: it ended, or it sent what it typed.
func (t *Typing) Clear(room, conn string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.rooms[room]; r != nil && r.marks[conn] != nil {
		t.drop(r, conn)
		t.touch(room, r)
	}
}

// Close ends the goroutine and waits for it. Nothing is called any more after it
// returned. Twice is fine.
func (t *Typing) Close() {
	t.stop()
	t.done.Wait()
}

func (t *Typing) drop(r *typingRoom, conn string) {
	if e := r.marks[conn]; e != nil {
		t.marks.Remove(e)
		delete(r.marks, conn)
	}
}

// touch notes that the room may have changed.
func (t *Typing) touch(room string, r *typingRoom) {
	if !r.dirty {
		r.dirty = true
		t.dirty = append(t.dirty, room)
	}
	signal(t.wake)
}

func (t *Typing) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
		for ctx.Err() == nil {
			room, users, ok := t.next()
			if !ok {
				break
			}
			t.onChange(room, users)
		}
		t.mu.Lock()
		if front := t.marks.Front(); front != nil {
			timer.Reset(time.Until(front.Value.(*mark).set.Add(t.ttl)))
		}
		t.mu.Unlock()
	}
}

// next lets marks fall and returns a room whose set is not what was told last.
func (t *Typing) next() (room string, users []Typist, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for e := t.marks.Front(); e != nil && now.Sub(e.Value.(*mark).set) >= t.ttl; e = t.marks.Front() {
		m := e.Value.(*mark)
		r := t.rooms[m.room]
		t.drop(r, m.conn)
		t.touch(m.room, r)
	}
	for len(t.dirty) > 0 {
		room, t.dirty = t.dirty[0], t.dirty[1:]
		r := t.rooms[room]
		r.dirty = false
		users = r.typists()
		if len(r.marks) == 0 {
			delete(t.rooms, room)
		}
		if !slices.Equal(users, r.told) {
			r.told = users
			return room, slices.Clone(users), true
		}
	}
	return "", nil, false
}

// typists rolls the marks up: a person started with their earliest mark, and is
// called as their latest says.
func (r *typingRoom) typists() []Typist {
	earliest := map[string]*mark{}
	latest := map[string]*mark{}
	for _, e := range r.marks {
		m := e.Value.(*mark)
		if other := earliest[m.who.ID]; other == nil || m.start.Before(other.start) {
			earliest[m.who.ID] = m
		}
		if other := latest[m.who.ID]; other == nil || m.set.After(other.set) || m.set.Equal(other.set) && m.conn > other.conn {
			latest[m.who.ID] = m
		}
	}
	marks := make([]*mark, 0, len(earliest))
	for _, m := range earliest {
		marks = append(marks, m)
	}
	slices.SortFunc(marks, func(a, b *mark) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.who.ID, b.who.ID))
	})
	users := make([]Typist, 0, min(len(marks), MaxTypists))
	for _, m := range marks[:min(len(marks), MaxTypists)] {
		users = append(users, latest[m.who.ID].who)
	}
	return users
}

// Users returns who types in the room now, as onChange would be told.
func (t *Typing) Users(room string) []Typist {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.rooms[room]; r != nil {
		return r.typists()
	}
	return []Typist{}
}
