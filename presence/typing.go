package presence

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"weft/presence/internal/signal"
)

// TypingTTL is how long a typing mark lasts unless it is set again. Clients set it
// every 2 to 3 seconds while their user types.
const TypingTTL = 6 * time.Second

// MaxTypists is how many people are named as typing in one place at most.
const MaxTypists = 20

// Typist is a person who is typing.
type Typist struct {
	ID   string `json:"id"`
	Name string `json:"name"` // plain text
}

// Place is where people type: a room, or a thread of its chat.
type Place struct {
	Room   string
	Thread string // id of the thread; empty: the room itself
}

// Typing tracks the people who are typing in each place. Each connection has at most
// one mark in a room, and marks expire. With SetPublisher and ReceiveRemote it combines the marks of
// several nodes. Safe for concurrent use.
type Typing struct {
	ttl      time.Duration
	onChange func(p Place, users []Typist)
	stop     context.CancelFunc
	done     sync.WaitGroup
	wake     signal.Signal // changed is not empty, or a deadline is earlier

	mu     sync.Mutex
	places map[Place]*typingPlace
	conns  map[connKey]*list.Element // of marks
	// marks holds the marks of this node, *mark, by the time they were last set.
	// All have the same TTL, so the front one expires first.
	marks   *list.List
	changed []Place       // places whose set may have changed, each once
	remote  *remoteTyping // nil: this is the only node
}

type connKey struct{ room, conn string }

type typingPlace struct {
	marks    map[string]*mark // of this node, by connection
	reported []Typist         // as given to onChange last
	changed  bool             // the place is in Typing.changed
}

type mark struct {
	place  Place
	conn   string // of this node; for a remote mark the node
	typist Typist
	start  time.Time // when the person began to type
	set    time.Time // when the mark was last set
}

// NewTyping starts a tracker of typing marks and its one goroutine; Close it. ttl 0
// means TypingTTL.
//
// onChange receives the people typing in a place, whenever that set has changed:
// one entry for each person, ordered by when they began, at most MaxTypists. If
// nobody types, users is empty and not nil. onChange is called by the one goroutine
// with no lock held, so it may call every method but Close. While it is busy, the
// changes of a place are combined: at most one call for each place is pending.
func NewTyping(ttl time.Duration, onChange func(p Place, users []Typist)) *Typing {
	ctx, stop := context.WithCancel(context.Background())
	t := &Typing{
		ttl:      cmp.Or(ttl, TypingTTL),
		onChange: onChange,
		stop:     stop,
		wake:     signal.New(),
		places:   map[Place]*typingPlace{},
		conns:    map[connKey]*list.Element{},
		marks:    list.New(),
	}
	t.done.Go(func() { t.run(ctx) })
	return t
}

// Set marks the connection as typing in the place, and removes its mark elsewhere in
// the room.
func (t *Typing) Set(p Place, conn string, typist Typist) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	key := connKey{p.Room, conn}
	if e := t.conns[key]; e != nil {
		if m := e.Value.(*mark); m.place == p && m.typist.ID == typist.ID {
			if m.typist != typist {
				t.remote.enqueue(p)
			}
			m.typist, m.set = typist, now
			t.marks.MoveToBack(e)
			t.setChanged(p)
			return
		}
		t.removeMark(key)
	}
	m := &mark{p, conn, typist, now, now}
	t.place(p).marks[conn] = m
	t.conns[key] = t.marks.PushBack(m)
	t.remote.enqueue(p)
	t.setChanged(p)
}

// Clear removes the connection's mark in a room: it has closed, or the text was
// sent. A connection without a mark is ignored.
func (t *Typing) Clear(room, conn string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeMark(connKey{room, conn})
}

// Users returns the people typing in the place now, as onChange receives it.
func (t *Typing) Users(p Place) []Typist {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.typists(p)
}

// Threads returns the people typing in the threads of a room, by thread. Threads where
// nobody types are not in the map.
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

// Close stops the goroutine and waits for it. No function is called afterwards.
// Calling it again has no effect.
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

func (t *Typing) removeMark(key connKey) {
	if e := t.conns[key]; e != nil {
		m := e.Value.(*mark)
		t.marks.Remove(e)
		delete(t.conns, key)
		delete(t.place(m.place).marks, m.conn)
		t.remote.enqueue(m.place)
		t.setChanged(m.place)
	}
}

// setChanged has the goroutine compare the people of the place with those reported last.
func (t *Typing) setChanged(p Place) {
	if at := t.place(p); !at.changed {
		at.changed = true
		t.changed = append(t.changed, p)
	}
	t.wake.Set()
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
			p, users, ok := t.nextChange()
			if !ok {
				break
			}
			t.onChange(p, users)
		}
		t.publish()
		t.mu.Lock()
		if at, ok := t.deadline(); ok {
			timer.Reset(time.Until(at))
		}
		t.mu.Unlock()
	}
}

// deadline returns when a mark expires or must be published again.
func (t *Typing) deadline() (at time.Time, ok bool) {
	if front := t.marks.Front(); front != nil {
		at, ok = front.Value.(*mark).set.Add(t.ttl), true
	}
	if remote, any := t.remote.deadline(t.ttl); any && (!ok || remote.Before(at)) {
		at, ok = remote, true
	}
	return at, ok
}

// nextChange removes expired marks and returns a place whose set differs from what
// was reported last.
func (t *Typing) nextChange() (p Place, users []Typist, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for e := t.marks.Front(); e != nil && now.Sub(e.Value.(*mark).set) >= t.ttl; e = t.marks.Front() {
		m := e.Value.(*mark)
		t.removeMark(connKey{m.place.Room, m.conn})
	}
	t.expireRemote(now)
	for len(t.changed) > 0 {
		p, t.changed = t.changed[0], t.changed[1:]
		at := t.places[p]
		at.changed = false
		users = t.typists(p)
		if len(at.marks) == 0 && len(users) == 0 {
			delete(t.places, p)
		}
		if !slices.Equal(users, at.reported) {
			at.reported = users
			return p, slices.Clone(users), true
		}
	}
	return Place{}, nil, false
}

// typists rolls the marks of a place up to people. A person began with their
// earliest mark, and has the name of their latest.
func (t *Typing) typists(p Place) []Typist {
	earliest, latest := map[string]*mark{}, map[string]*mark{}
	add := func(m *mark) {
		if other := earliest[m.typist.ID]; other == nil || m.start.Before(other.start) {
			earliest[m.typist.ID] = m
		}
		if other := latest[m.typist.ID]; other == nil || m.set.After(other.set) || m.set.Equal(other.set) && m.conn > other.conn {
			latest[m.typist.ID] = m
		}
	}
	if at := t.places[p]; at != nil {
		for _, m := range at.marks {
			add(m)
		}
	}
	for _, m := range t.remote.marksIn(p) {
		add(m)
	}
	marks := make([]*mark, 0, len(earliest))
	for _, m := range earliest {
		marks = append(marks, m)
	}
	slices.SortFunc(marks, func(a, b *mark) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.typist.ID, b.typist.ID))
	})
	users := make([]Typist, 0, min(len(marks), MaxTypists))
	for _, m := range marks[:min(len(marks), MaxTypists)] {
		users = append(users, latest[m.typist.ID].typist)
	}
	return users
}
