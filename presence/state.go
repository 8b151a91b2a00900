package presence

import (
	"cmp"
	"slices"
	"time"

	"weft/presence/internal/deadline"
)

// state is who is where, as plain data: it has no clock, no timers and no locks.
// Whoever calls passes now, and calls expire no later than due says. Times passed
// should carry Go's monotonic reading: deadlines are compared with it, so a host
// clock that jumps ends nobody's grace period.
//
// One person in one room:
//
//	          join                 last connection ends
//	(absent) ──────▶ here ───────────────────────────▶ in grace
//	    ▲              ▲                                │    │
//	    │              └──────────── join ──────────────┘    │ grace over
//	    └─────────────────────────── leave told ─────────────┘
type state struct {
	grace time.Duration
	idle  time.Duration
	away  time.Duration
	rooms map[string]*room
	users map[string]*user
	due   deadline.Heap[*person]
	slots *SlotMemory
	seen  *recent[string, time.Time]
	count uint64 // people that ever arrived: orders them
	// changed is told of people whose status over all rooms may be another; may be nil.
	changed func(user string)
}

// maxSeen bounds the last seen times that are remembered, the longest unused
// forgotten first. A forgotten one reads as "never seen".
const maxSeen = 100_000 // people

type room struct {
	name   string
	conns  few[string, *conn]
	people few[string, *person]
	slots  [Slots]int // people that have the slot now
}

type conn struct {
	person *person
	name   string
	active time.Time // joined or last touched
}

type person struct {
	room           *room
	user           *user
	Person         // as it is
	shown          look
	order          uint64
	conns          few[*conn, struct{}] // none: in grace
	deadline.Entry                      // in state.due; none: nothing will change by itself
}

// look is what may change of a person; with no devices it was never shown.
type look struct {
	name, avatar string
	status       Status
	devices      int
}

// user is a person over all rooms.
type user struct {
	conns  few[string, int] // rooms by Conn
	people few[*person, struct{}]
	left   time.Time // when the last connection to any room ended
}

func newState(grace, idle, away time.Duration) *state {
	return &state{
		grace: grace, idle: idle, away: away,
		rooms: map[string]*room{},
		users: map[string]*user{},
		slots: NewSlotMemory(),
		seen:  newRecent[string, time.Time](maxSeen),
	}
}

// join adds or replaces the connection, which may have been another person's.
func (s *state) join(m Member, now time.Time) (Person, Diff) {
	d := Diff{Room: m.Room}
	r := s.rooms[m.Room]
	if r == nil {
		r = &room{name: m.Room}
		s.rooms[m.Room] = r
	}
	old, known := r.conns.get(m.Conn)
	if known && old.person.ID != m.User {
		s.end(old, now)
		s.show(old.person, &d)
		known = false
	}
	p, here := r.people.get(m.User)
	if !here {
		p = s.arrive(r, m.User, now)
	}
	if !known {
		c := &conn{person: p, name: m.Conn, active: now}
		r.conns.put(c.name, c)
		p.conns.put(c, struct{}{})
		rooms, _ := p.user.conns.get(c.name)
		p.user.conns.put(c.name, rooms+1)
	}
	p.Name, p.Avatar = m.Name, m.Avatar
	s.refresh(p, now)
	s.show(p, &d)
	return p.Person, d
}

// touch notes activity on a connection.
func (s *state) touch(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		c.active = now
		// The deadline stays where it is, too early: expire finds out and moves
		// it, once in two minutes instead of at every key.
		if c.person.Status != Online {
			s.refresh(c.person, now)
			s.show(c.person, &d)
		}
	}
	return d
}

// rest makes a connection idle, unless it is idle longer.
func (s *state) rest(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		if idle := now.Add(-s.idle); c.active.After(idle) {
			c.active = idle
		}
		s.refresh(c.person, now)
		s.show(c.person, &d)
	}
	return d
}

// leave ends a connection.
func (s *state) leave(room, name string, now time.Time) Diff {
	d := Diff{Room: room}
	if c := s.conn(room, name); c != nil {
		s.end(c, now)
		if s.grace <= 0 {
			s.pass(c.person, now, &d)
		} else {
			s.show(c.person, &d)
		}
	}
	return d
}

// expire does what time has brought: grace periods end, people fall idle.
func (s *state) expire(now time.Time) []Diff {
	var diffs []Diff
	for {
		p, at, ok := s.due.First()
		if !ok || at.After(now) {
			return diffs
		}
		d := Diff{Room: p.room.name}
		s.pass(p, now, &d)
		if !d.empty() {
			diffs = append(diffs, d)
		}
	}
}

// next tells when expire has something to do; ok is false for never.
func (s *state) next() (at time.Time, ok bool) {
	_, at, ok = s.due.First()
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

func (s *state) here(room, user string) bool {
	if r := s.rooms[room]; r != nil {
		p, listed := r.people.get(user)
		return listed && p.conns.len() > 0
	}
	return false
}

// status of one person over all rooms.
func (s *state) status(id string) UserStatus {
	u := s.users[id]
	if u == nil {
		seen := UserStatus{Status: Offline}
		if at, ok := s.seen.get(id); ok {
			at = at.UTC().Truncate(time.Minute)
			seen.LastSeen = &at
		}
		return seen
	}
	seen := UserStatus{Status: Away, Devices: u.conns.len()}
	for p := range u.people.all() {
		if p.Status == Online || p.Status == Idle && seen.Status == Away {
			seen.Status = p.Status
		}
	}
	return seen
}

// arrive makes a person of the room.
func (s *state) arrive(r *room, id string, now time.Time) *person {
	s.count++
	u := s.users[id]
	if u == nil {
		u = &user{}
		s.users[id] = u
	}
	p := &person{
		room: r,
		user: u,
		Person: Person{
			ID: id, Slot: s.slot(r, id), Status: Online,
			Since: now.UTC().Truncate(time.Millisecond),
		},
		order: s.count,
	}
	r.people.put(id, p)
	r.slots[p.Slot]++
	u.people.put(p, struct{}{})
	return p
}

// slot chooses a colour: the one that the person had here before, else the one
// that their id prefers, else the next free one in steps of five, which visit
// all twelve and keep neighbours apart in hue. With none free it is the least
// used in the same order.
func (s *state) slot(r *room, user string) int {
	if had, ok := s.slots.Get(r.name, user); ok && r.slots[had] == 0 {
		return had
	}
	best := LeastUsedSlot(user, r.slots)
	s.slots.Put(r.name, user, best)
	return best
}

// end takes a connection away from its person, who stays.
func (s *state) end(c *conn, now time.Time) {
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
	s.refresh(p, now)
}

// pass applies what the person's deadline brought.
func (s *state) pass(p *person, now time.Time, d *Diff) {
	if p.conns.len() > 0 {
		s.refresh(p, now)
		s.show(p, d)
		return
	}
	s.due.Remove(p)
	r, u := p.room, p.user
	r.people.delete(p.ID)
	r.slots[p.Slot]--
	if r.people.len() == 0 {
		delete(s.rooms, r.name)
	}
	u.people.delete(p)
	if u.people.len() == 0 {
		delete(s.users, p.ID)
		s.seen.put(p.ID, u.left)
	}
	d.Leaves = append(d.Leaves, p.ID)
	s.stir(p.ID)
}

func (s *state) stir(user string) {
	if s.changed != nil {
		s.changed(user)
	}
}

// refresh works out devices, status and the next deadline. With no connection it
// must be at the moment when the last one ended.
func (s *state) refresh(p *person, now time.Time) {
	p.Devices = p.conns.len()
	s.stir(p.ID)
	if p.Devices == 0 {
		s.due.Set(p, now.Add(s.grace)) // the status stays as it was
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
		s.due.Set(p, now.Add(left))
	} else {
		s.due.Remove(p)
	}
}

// StatusAfter is the status of a connection that has been quiet for so long, and in
// how long it will be another; 0 is never. idle and away are as [IdleAfter] and
// [AwayAfter].
func StatusAfter(quiet, idle, away time.Duration) (status Status, left time.Duration) {
	switch {
	case quiet < idle:
		return Online, idle - quiet
	case quiet < away:
		return Idle, away - quiet
	}
	return Away, 0
}

// show adds the person to the diff if they look other than last told.
func (s *state) show(p *person, d *Diff) {
	now := look{p.Name, p.Avatar, p.Status, p.Devices}
	if p.Devices == 0 || p.shown == now {
		return
	}
	p.shown = now
	d.Joins = append(d.Joins, p.Person)
}

func (d Diff) empty() bool { return len(d.Joins) == 0 && len(d.Leaves) == 0 }

// merge is the one diff that has the effect of d, then next.
func (d Diff) merge(next Diff) Diff {
	joins := append([]Person{}, d.Joins...)
	leaves := append([]string{}, d.Leaves...)
	for _, id := range next.Leaves {
		joins = slices.DeleteFunc(joins, func(p Person) bool { return p.ID == id })
		if !slices.Contains(leaves, id) {
			leaves = append(leaves, id)
		}
	}
	for _, p := range next.Joins {
		leaves = slices.DeleteFunc(leaves, func(id string) bool { return id == p.ID })
		if i := slices.IndexFunc(joins, func(q Person) bool { return q.ID == p.ID }); i >= 0 {
			joins[i] = p
		} else {
			joins = append(joins, p)
		}
	}
	return Diff{Room: d.Room, Joins: joins, Leaves: leaves}
}
