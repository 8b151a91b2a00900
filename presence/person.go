package presence

import (
	"time"

	"weft/presence/internal/deadline"
)

// person is one person in one room, over all their connections to it.
type person struct {
	deadline.Entry // in state.deadlines; not there: no timed change is due

	Person    // current values
	room      *room
	user      *user
	published appearance // in the last diff; 0 devices: no diff had the person yet
	order     uint64     // value of state.arrivals when the person was added
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
