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

// Place is where people type: a room, or a thread of its chat.
type Place struct{ Room, Thread string }

// Typing keeps who types where: marks that fall by themselves. It knows what other
// nodes tell of theirs, see Share. Safe for concurrent use.
type Typing struct {
	ttl      time.Duration
	onChange func(p Place, users []Typist)
	stop     context.CancelFunc
	done     sync.WaitGroup
	wake     chan struct{} // capacity 1: places are dirty, or there is a deadline

	mu     sync.Mutex
	places map[Place]*typingPlace
	conns  map[[2]string]*list.Element // marks by room and connection: one each
	// Marks by the time they were last set. With one TTL for all, the front is
	// the next to fall.
	marks  *list.List // of *mark
	dirty  []Place    // to look at, each once
	shared *sharedTyping
}

type typingPlace struct {
	marks map[string]*mark // of this node, by connection
	told  []Typist
	dirty bool
}

type mark struct {
	place      Place
	conn       string
	who        Typist
	start, set time.Time
}

// NewTyping starts a keeper of typing marks with one goroutine; Close it. ttl 0
// means TypingTTL.
//
// onChange gets the whole set of a place whenever it has changed: one entry per
// person however many connections they type on, by when they started, at most
// MaxTypists; empty, never nil, when nobody types. It is called from the one
// goroutine, holding no lock, so it may call anything here but Close. While it is
// busy, changes of a place collapse into the latest, so at most one call per place
// waits.
func NewTyping(ttl time.Duration, onChange func(p Place, users []Typist)) *Typing {
	ctx, stop := context.WithCancel(context.Background())
	t := &Typing{
		ttl:      cmp.Or(ttl, TypingTTL),
		onChange: onChange,
		stop:     stop,
		wake:     make(chan struct{}, 1),
		places:   map[Place]*typingPlace{},
		conns:    map[[2]string]*list.Element{},
		marks:    list.New(),
	}
	t.done.Go(func() { t.run(ctx) })
	return t
}

// Set marks the connection as typing, and nowhere else in the room.
func (t *Typing) Set(p Place, conn string, who Typist) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	key := [2]string{p.Room, conn}
	if e := t.conns[key]; e != nil {
		if m := e.Value.(*mark); m.place == p && m.who.ID == who.ID {
			if m.who != who {
				t.shared.changed(p)
			}
			m.who, m.set = who, now
			t.marks.MoveToBack(e)
			t.touch(p)
			return
		}
		t.drop(key)
	}
	m := &mark{p, conn, who, now, now}
	t.place(p).marks[conn] = m
	t.conns[key] = t.marks.PushBack(m)
	t.shared.changed(p)
	t.touch(p)
}

// Clear takes the connection's mark in a room away: it ended, or it sent what it
// typed.
func (t *Typing) Clear(room, conn string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop([2]string{room, conn})
}

// Users returns who types in the place now, as onChange would be told.
func (t *Typing) Users(p Place) []Typist {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.typists(p)
}

// Threads returns who types in the threads of a room, without those where nobody
// does.
func (t *Typing) Threads(room string) map[string][]Typist {
	t.mu.Lock()
	defer t.mu.Unlock()
	threads := map[string][]Typist{}
	for p := range t.places {
		if p.Room == room && p.Thread != "" {
			if users := t.typists(p); len(users) > 0 {
				threads[p.Thread] = users
			}
		}
	}
	return threads
}

// Close ends the goroutine and waits for it. Nothing is called any more after it
// returned. Twice is fine.
func (t *Typing) Close() {
	t.stop()
	t.done.Wait()
}

func (t *Typing) place(p Place) *typingPlace {
	if t.places[p] == nil {
		t.places[p] = &typingPlace{marks: map[string]*mark{}}
	}
	return t.places[p]
}

func (t *Typing) drop(key [2]string) {
	if e := t.conns[key]; e != nil {
		m := e.Value.(*mark)
		t.marks.Remove(e)
		delete(t.conns, key)
		delete(t.place(m.place).marks, m.conn)
		t.shared.changed(m.place)
		t.touch(m.place)
	}
}

// touch notes that the place may have changed.
func (t *Typing) touch(p Place) {
	if at := t.place(p); !at.dirty {
		at.dirty = true
		t.dirty = append(t.dirty, p)
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
			p, users, ok := t.next()
			if !ok {
				break
			}
			t.onChange(p, users)
		}
		t.share()
		t.mu.Lock()
		if at, ok := t.deadline(); ok {
			timer.Reset(time.Until(at))
		}
		t.mu.Unlock()
	}
}

// deadline is when something falls, or is to be told, by itself.
func (t *Typing) deadline() (at time.Time, ok bool) {
	if front := t.marks.Front(); front != nil {
		at, ok = front.Value.(*mark).set.Add(t.ttl), true
	}
	if again, any := t.shared.deadline(t); any && (!ok || again.Before(at)) {
		at, ok = again, true
	}
	return at, ok
}

// next lets marks fall and returns a place whose set is not what was told last.
func (t *Typing) next() (p Place, users []Typist, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for e := t.marks.Front(); e != nil && now.Sub(e.Value.(*mark).set) >= t.ttl; e = t.marks.Front() {
		m := e.Value.(*mark)
		t.drop([2]string{m.place.Room, m.conn})
	}
	t.shared.expire(t, now)
	for len(t.dirty) > 0 {
		p, t.dirty = t.dirty[0], t.dirty[1:]
		at := t.places[p]
		at.dirty = false
		users = t.typists(p)
		if len(at.marks) == 0 && len(users) == 0 {
			delete(t.places, p)
		}
		if !slices.Equal(users, at.told) {
			at.told = users
			return p, slices.Clone(users), true
		}
	}
	return Place{}, nil, false
}

// typists rolls the marks up: a person started with their earliest mark, and is
// called as their latest says.
func (t *Typing) typists(p Place) []Typist {
	earliest, latest := map[string]*mark{}, map[string]*mark{}
	note := func(m *mark) {
		if other := earliest[m.who.ID]; other == nil || m.start.Before(other.start) {
			earliest[m.who.ID] = m
		}
		if other := latest[m.who.ID]; other == nil || m.set.After(other.set) || m.set.Equal(other.set) && m.conn > other.conn {
			latest[m.who.ID] = m
		}
	}
	if at := t.places[p]; at != nil {
		for _, m := range at.marks {
			note(m)
		}
	}
	for _, m := range t.shared.marks(p) {
		note(m)
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
