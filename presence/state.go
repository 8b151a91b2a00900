package presence

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"weft/presence/internal/deadline"
)

// state holds the people and connections of all rooms, as plain data without clock,
// timers and locks. The caller passes the time as now, and calls expire no later than the
// time that next returns. Times must carry Go's monotonic reading: deadlines are compared
// with it, so that no grace period ends when the clock of the host is set.
//
// One person in one room:
//
//	           join                 last connection closes
//	(absent) ────────▶ present ──────────────────────────────▶ in grace
//	    ▲                 ▲                                     │    │
//	    │                 └──────────────── join ───────────────┘    │ grace ends
//	    └──────────────────────── Diff.Leaves ───────────────────────┘
type state struct {
	grace     time.Duration // ≤ 0: none
	idle      time.Duration
	away      time.Duration
	rooms     map[string]*room
	users     map[string]*user
	deadlines deadline.Heap[*person] // next change of status, or end of grace
	slots     *SlotMemory
	lastSeen  *simplelru.LRU[string, time.Time] // of people in no room
	arrivals  uint64                            // number of people added so far; orders them
	// statusChanged, if not nil, is called with people whose status over all rooms
	// may have changed.
	statusChanged func(user string)
}

// maxLastSeen bounds the last seen times. Beyond it the least recently used ones
// are evicted: such a person has no last seen time.
const maxLastSeen = 100_000 // people

type room struct {
	name   string
	conns  smallMap[string, *conn]
	people smallMap[string, *person]
	slots  [Slots]int // number of people with each slot
}

type conn struct {
	person *person
	name   string
	active time.Time // when it joined or was last touched
}

func newState(grace, idle, away time.Duration) *state {
	return &state{
		grace: grace, idle: idle, away: away,
		rooms:    map[string]*room{},
		users:    map[string]*user{},
		slots:    NewSlotMemory(),
		lastSeen: newLRU[string, time.Time](maxLastSeen),
	}
}

// join adds the connection, or replaces it; the old one may belong to another person.
func (s *state) join(m Member, now time.Time) (Person, Diff) {
	d := Diff{Room: m.Room}
	r := s.rooms[m.Room]
	if r == nil {
		r = &room{name: m.Room}
		s.rooms[m.Room] = r
	}
	old, known := r.conns.get(m.Conn)
	if known && old.person.ID != m.User {
		s.closeConn(old, now)
		s.addJoin(old.person, &d)
		known = false
	}
	p, present := r.people.get(m.User)
	if !present {
		p = s.addPerson(r, m.User, now)
	}
	if !known {
		c := &conn{person: p, name: m.Conn, active: now}
		r.conns.put(c.name, c)
		p.conns.put(c, struct{}{})
		rooms, _ := p.user.conns.get(c.name)
		p.user.conns.put(c.name, rooms+1)
	}
	p.Name, p.Avatar = m.Name, m.Avatar
	s.updateStatus(p, now)
	s.addJoin(p, &d)
	return p.Person, d
}

// touch records activity on a connection.
func (s *state) touch(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		c.active = now
		// The deadline of an Online person stays where it is, too early. expire
		// moves it when it is reached: once in two minutes and not with every
		// keystroke.
		if c.person.Status != Online {
			s.updateStatus(c.person, now)
			s.addJoin(c.person, &d)
		}
	}
	return d
}

// markIdle makes a connection idle, unless it has been idle for longer.
func (s *state) markIdle(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		if idleSince := now.Add(-s.idle); c.active.After(idleSince) {
			c.active = idleSince
		}
		s.updateStatus(c.person, now)
		s.addJoin(c.person, &d)
	}
	return d
}

// leave closes a connection.
func (s *state) leave(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		s.closeConn(c, now)
		if s.grace <= 0 {
			s.reachDeadline(c.person, now, &d)
		} else {
			s.addJoin(c.person, &d)
		}
	}
	return d
}

// expire acts on all deadlines up to now: grace periods end, people become idle or
// away.
func (s *state) expire(now time.Time) []Diff {
	var diffs []Diff
	for {
		p, at, ok := s.deadlines.First()
		if !ok || at.After(now) {
			return diffs
		}
		d := Diff{Room: p.room.name}
		s.reachDeadline(p, now, &d)
		if !d.isEmpty() {
			diffs = append(diffs, d)
		}
	}
}

// next returns the earliest deadline, when expire must be called; ok is false if there is
// none.
func (s *state) next() (at time.Time, ok bool) {
	_, at, ok = s.deadlines.First()
	return at, ok
}

func (s *state) conn(room, name string) *conn {
	if r := s.rooms[room]; r != nil {
		c, _ := r.conns.get(name)
		return c
	}
	return nil
}

// people lists a room by arrival.
func (s *state) people(room string) []Person {
	r := s.rooms[room]
	if r == nil {
		return nil
	}
	all := make([]*person, 0, r.people.len())
	for _, p := range r.people.all() {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *person) int { return cmp.Compare(a.order, b.order) })
	list := make([]Person, len(all))
	for i, p := range all {
		list[i] = p.Person
	}
	return list
}

func (s *state) isPresent(room, user string) bool {
	if r := s.rooms[room]; r != nil {
		p, listed := r.people.get(user)
		return listed && p.conns.len() > 0
	}
	return false
}

// status returns the status of one person over all rooms.
func (s *state) status(id string) UserStatus {
	u := s.users[id]
	if u == nil {
		status := UserStatus{Status: Offline}
		if at, ok := s.lastSeen.Get(id); ok {
			at = at.UTC().Truncate(time.Minute)
			status.LastSeen = &at
		}
		return status
	}
	status := UserStatus{Status: Away, Devices: u.conns.len()}
	for p := range u.people.all() {
		if p.Status == Online || p.Status == Idle && status.Status == Away {
			status.Status = p.Status
		}
	}
	return status
}
