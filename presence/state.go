package presence

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"weft/presence/internal/deadline"
)

// state is who is in which room, as plain data without clock, timers and locks. The
// caller passes the time as now, and calls expire no later than next says. Times
// must carry Go's monotonic reading: deadlines are compared with it, so that no
// grace period ends when the host's clock is set.
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
	lastSeen  *simplelru.LRU[string, time.Time] // of people who are in no room
	arrivals  uint64                            // number of people added so far; orders them
	// statusChanged, if not nil, is called with people whose status over all rooms
	// may have changed.
	statusChanged func(user string)
}

// maxLastSeen bounds the last seen times. Beyond it the ones that were not used for
// the longest time are evicted: such a person reads as never seen.
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

type person struct {
	deadline.Entry // in state.deadlines; none: nothing changes by itself

	Person    // as they are now
	room      *room
	user      *user
	published appearance // as in the last diff; no devices: in none yet
	order     uint64     // of arrival
	conns     smallMap[*conn, struct{}]
}

// appearance is the part of a person that can change.
type appearance struct {
	name, avatar string
	status       Status
	devices      int
}

// user is a person over all rooms.
type user struct {
	conns  smallMap[string, int] // number of rooms by Conn
	people smallMap[*person, struct{}]
	left   time.Time // when the last connection to any room closed
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

// join adds the connection, or replaces it; it may have been another person's.
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

// next returns when expire has something to do; ok is false for never.
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

// addPerson adds a person without connections to the room.
func (s *state) addPerson(r *room, id string, now time.Time) *person {
	s.arrivals++
	u := s.users[id]
	if u == nil {
		u = &user{}
		s.users[id] = u
	}
	p := &person{
		room: r,
		user: u,
		Person: Person{
			ID: id, Slot: s.chooseSlot(r, id), Status: Online,
			Since: now.UTC().Truncate(time.Millisecond),
		},
		order: s.arrivals,
	}
	r.people.put(id, p)
	r.slots[p.Slot]++
	u.people.put(p, struct{}{})
	return p
}

// removePerson removes a person without connections from the room.
func (s *state) removePerson(p *person) {
	s.deadlines.Remove(p)
	r, u := p.room, p.user
	r.people.delete(p.ID)
	r.slots[p.Slot]--
	if r.people.len() == 0 {
		delete(s.rooms, r.name)
	}
	u.people.delete(p)
	if u.people.len() == 0 {
		delete(s.users, p.ID)
		s.lastSeen.Add(p.ID, u.left)
	}
}

// chooseSlot returns the slot that the person had in the room before, if it is
// free, else the least used one.
func (s *state) chooseSlot(r *room, user string) int {
	if slot, ok := s.slots.Get(r.name, user); ok && r.slots[slot] == 0 {
		return slot
	}
	slot := LeastUsedSlot(user, r.slots)
	s.slots.Put(r.name, user, slot)
	return slot
}

// closeConn takes a connection away from its person, who stays in the room.
func (s *state) closeConn(c *conn, now time.Time) {
	p, u := c.person, c.person.user
	p.room.conns.delete(c.name)
	p.conns.delete(c)
	if rooms, _ := u.conns.get(c.name); rooms > 1 {
		u.conns.put(c.name, rooms-1)
	} else {
		u.conns.delete(c.name)
	}
	if p.conns.len() == 0 {
		u.left = now
	}
	s.updateStatus(p, now)
}

// reachDeadline acts on the person's deadline: their status changes, or their grace
// period ends.
func (s *state) reachDeadline(p *person, now time.Time, d *Diff) {
	if p.conns.len() > 0 {
		s.updateStatus(p, now)
		s.addJoin(p, d)
		return
	}
	s.removePerson(p)
	d.Leaves = append(d.Leaves, p.ID)
	s.notifyStatus(p.ID)
}

func (s *state) notifyStatus(user string) {
	if s.statusChanged != nil {
		s.statusChanged(user)
	}
}

// updateStatus computes the person's devices, status and next deadline. Without
// connections it must be called at the moment when the last one closed.
func (s *state) updateStatus(p *person, now time.Time) {
	p.Devices = p.conns.len()
	s.notifyStatus(p.ID)
	if p.Devices == 0 {
		s.deadlines.Set(p, now.Add(s.grace)) // the status stays as it was
		return
	}
	var last time.Time
	for c := range p.conns.all() {
		if c.active.After(last) {
			last = c.active
		}
	}
	var left time.Duration
	p.Status, left = StatusAfter(now.Sub(last), s.idle, s.away)
	if left > 0 {
		s.deadlines.Set(p, now.Add(left))
	} else {
		s.deadlines.Remove(p)
	}
}

// StatusAfter returns the status of a connection that has been inactive for a time,
// and how long it will have that status; left 0 means until it is active again.
// idle and away are times like [IdleAfter] and [AwayAfter].
func StatusAfter(inactive, idle, away time.Duration) (status Status, left time.Duration) {
	switch {
	case inactive < idle:
		return Online, idle - inactive
	case inactive < away:
		return Idle, away - inactive
	}
	return Away, 0
}

// addJoin adds the person to the diff if their appearance has changed. The
// beginning of a grace period is no change.
func (s *state) addJoin(p *person, d *Diff) {
	now := appearance{p.Name, p.Avatar, p.Status, p.Devices}
	if p.Devices == 0 || p.published == now {
		return
	}
	p.published = now
	d.Joins = append(d.Joins, p.Person)
}
