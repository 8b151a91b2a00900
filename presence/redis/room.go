package redis

import (
	"cmp"
	"slices"
	"time"

	"weft/presence"
)

// Everything in this file runs under the tracker's lock.

// What a connection is, here and in Redis, where gone is not kept.
const (
	gone   byte = 0
	online byte = 'o' // with somebody active at it
	idle   byte = 'i'
	away   byte = 'a'
	grace  byte = 'g'
)

// here tells whether a connection in that state counts as a device.
func here(state byte) bool { return state != gone && state != grace }

// statuses are the states of connections that are here, the best first.
var statuses = [...]struct {
	state  byte
	status presence.Status
}{{online, presence.Online}, {idle, presence.Idle}, {away, presence.Away}}

// stateOf is the state of a connection that is here with that status.
func stateOf(status presence.Status) byte {
	for _, s := range statuses {
		if s.status == status {
			return s.state
		}
	}
	return online
}

// best is the status of somebody with connections in these states, "" if none of
// them is here.
func best(states map[byte]int) presence.Status {
	for _, s := range statuses {
		if states[s.state] > 0 {
			return s.status
		}
	}
	return ""
}

// room is one that has somebody of this node in it, or that is mirrored.
type room struct {
	name, encoded, key string

	local  map[string]*conn  // ours, by name; also gone ones that Redis still has
	remote map[string]remote // of other nodes, by name of the connection
	people map[string]*person

	mirrored bool          // remote is true, or was before Redis was lost
	ready    chan struct{} // closed once mirrored
	unread   bool          // in stale
	used     time.Time     // somebody was here or asked
}

// conn is a connection of this node.
type conn struct {
	room    *room
	name    string
	member  presence.Member
	state   byte
	gen     string    // as in Redis; "": not there in this life of the node
	changed uint64    // the tracker's count of writes when gen was set by one
	claims  bool      // the next write takes the entry over from whoever has it
	active  time.Time // joined or last touched
	due     time.Time // when the state will be another by itself
	index   int       // in the tracker's due, −1 if not there
	queued  bool      // in dirty
	waiting []chan struct{}
}

// remote is a connection of another node.
type remote struct {
	node  string
	state byte
	user  string
}

// person is somebody in a room.
type person struct {
	id      string
	local   map[*conn]struct{}
	remote  map[string]byte // states of connections of other nodes, by name
	known   bool            // card is set
	card    card
	changed uint64          // the tracker's count of writes when card was set by one
	status  presence.Status // when somebody was here last; "" never
	shown   presence.Person
	told    bool
}

// user is a person over all rooms, as far as they are on this node.
type user struct {
	id     string
	conns  map[string]int  // rooms by name of the connection
	states map[byte]int    // connections by state, without those that are gone
	status presence.Status // when somebody was here last
	left   time.Time
	queued bool
	exists bool // in Redis, in this life of the node
}

// room makes the room if need be, and sees that it is mirrored.
func (t *Tracker) room(name string) *room {
	r := t.rooms[name]
	if r == nil {
		r = &room{
			name: name, encoded: encode(name), key: t.keys.room(name),
			local: map[string]*conn{}, remote: map[string]remote{}, people: map[string]*person{},
			ready: make(chan struct{}),
		}
		t.rooms[name] = r
		t.byKey[r.key] = r
		t.join = append(t.join, r.key)
		signal(t.readNow)
	}
	r.used = time.Now()
	return r
}

// forget stops mirroring a room that nobody needs.
func (t *Tracker) forget(r *room) {
	for name := range r.remote {
		t.setRemote(r, name, nil)
	}
	for id := range r.people {
		t.show(r, id)
	}
	delete(t.rooms, r.name)
	delete(t.byKey, r.key)
	t.part = append(t.part, r.key)
	signal(t.readNow)
}

func (r *room) person(id string) *person {
	p := r.people[id]
	if p == nil {
		p = &person{id: id, local: map[*conn]struct{}{}, remote: map[string]byte{}}
		r.people[id] = p
	}
	return p
}

// attach puts a connection into a state other than gone.
func (t *Tracker) attach(c *conn, state byte) {
	u := t.users[c.member.User]
	if u == nil {
		u = &user{id: c.member.User, conns: map[string]int{}, states: map[byte]int{}}
		t.users[u.id] = u
	}
	t.count(u, c, c.state, state)
	c.state = state
	t.schedule(c)
	c.room.person(c.member.User).local[c] = struct{}{}
	if other, ok := c.room.remote[c.name]; ok {
		t.uncover(c.room, c.name, other)
		if other.user != c.member.User {
			t.show(c.room, other.user)
		}
	}
}

// detach puts a connection into the state gone.
func (t *Tracker) detach(c *conn) {
	if c.state == gone {
		return
	}
	id := c.member.User
	t.count(t.users[id], c, c.state, gone)
	c.state = gone
	t.schedule(c)
	r := c.room
	delete(r.person(id).local, c)
	if other, ok := r.remote[c.name]; ok {
		t.uncover(r, c.name, other)
		t.show(r, other.user)
	}
	t.show(r, id)
}

// end lets a connection go for good.
func (t *Tracker) end(c *conn) {
	t.detach(c)
	t.writeLater(c)
}

// count keeps the person's connections over all rooms.
func (t *Tracker) count(u *user, c *conn, from, to byte) {
	if from == to {
		return
	}
	switch {
	case here(from) && !here(to):
		if u.conns[c.name]--; u.conns[c.name] == 0 {
			delete(u.conns, c.name)
		}
		u.left = time.Now()
	case !here(from) && here(to):
		u.conns[c.name]++
	}
	if u.states[from]--; from == gone || u.states[from] == 0 {
		delete(u.states, from)
	}
	if to != gone {
		u.states[to]++
	}
	u.status = cmp.Or(best(u.states), u.status)
	t.follow.Changed(u.id)
	t.writeUser(u)
}

// setRemote puts, changes or (nil) takes away a connection of another node.
func (t *Tracker) setRemote(r *room, name string, now *remote) {
	if old, ok := r.remote[name]; ok {
		if p := r.people[old.user]; p != nil {
			delete(p.remote, name)
		}
		if t.nodes[old.node]--; t.nodes[old.node] == 0 {
			delete(t.nodes, old.node)
			delete(t.absent, old.node)
		}
		delete(r.remote, name)
	}
	if now != nil {
		t.nodes[now.node]++
		r.remote[name] = *now
		r.overlay(name)
	}
}

// overlay shows a connection that another node has, unless it is online here as
// well: a tab that moved, and one of us has not noticed yet.
func (r *room) overlay(name string) {
	other, ok := r.remote[name]
	if !ok {
		return
	}
	if c := r.local[name]; c == nil || !here(c.state) {
		r.person(other.user).remote[name] = other.state
	} else if p := r.people[other.user]; p != nil {
		delete(p.remote, name)
	}
}

// uncover is overlay after our own connection of that name has changed. Whoever
// comes to light by it may have been passed over when the room was read.
func (t *Tracker) uncover(r *room, name string, other remote) {
	r.overlay(name)
	if p := r.people[other.user]; p != nil && !p.known {
		t.readLater(r)
	}
}

// adopt gives a person a card of our own making, until Redis says better.
func (t *Tracker) adopt(p *person) {
	r, m := (*room)(nil), presence.Member{}
	for c := range p.local {
		r, m = c.room, c.member
	}
	if r == nil || p.known && !t.degraded {
		return
	}
	if !p.known {
		var used [presence.Slots]int
		var last int64
		for _, other := range r.people {
			if other.known {
				used[other.card.slot]++
				last = max(last, other.card.order)
			}
		}
		slot, had := t.slots.Get(r.name, p.id)
		if !had || used[slot] > 0 {
			slot = presence.LeastUsedSlot(p.id, used)
		}
		p.card.slot, p.card.order = slot, last+1
		p.card.since = time.Now().UTC().Truncate(time.Millisecond)
		p.known = true
		t.slots.Put(r.name, p.id, slot)
	}
	p.card.name, p.card.avatar = m.Name, m.Avatar
	t.show(r, p.id)
}

// show tells what is other than last told of a person, and forgets who is gone.
func (t *Tracker) show(r *room, id string) { t.tellOf(r, map[string]bool{id: true}) }

// tellOf is show for many, each once: a diff must not hold a join and a leave of
// one person, for leaves are applied first.
func (t *Tracker) tellOf(r *room, people map[string]bool) {
	d := presence.Diff{Room: r.name}
	for id := range people {
		r.diff(id, &d)
	}
	t.feed.Publish(d)
}

func (r *room) diff(id string, d *presence.Diff) {
	p := r.people[id]
	switch {
	case p == nil:
	case len(p.local)+len(p.remote) == 0:
		delete(r.people, id)
		if p.told {
			d.Leaves = append(d.Leaves, id)
		}
	case !p.known:
	case p.devices() == 0: // the beginning of a grace period is not told
		p.told = true // to who lists the room
	default:
		if now := p.now(); now != p.shown {
			p.shown, p.told = now, true
			d.Joins = append(d.Joins, now)
		}
	}
}

// states counts the person's connections in the room by state.
func (p *person) states() map[byte]int {
	states := make(map[byte]int, 4)
	for c := range p.local {
		states[c.state]++
	}
	for _, state := range p.remote {
		states[state]++
	}
	return states
}

func (p *person) devices() int {
	n := 0
	for c := range p.local {
		if here(c.state) {
			n++
		}
	}
	for _, state := range p.remote {
		if here(state) {
			n++
		}
	}
	return n
}

// now is the person as they are. In the grace period the status stays as it was.
func (p *person) now() presence.Person {
	p.status = cmp.Or(best(p.states()), p.status, presence.Online)
	return presence.Person{
		ID: p.id, Name: p.card.name, Avatar: p.card.avatar, Slot: p.card.slot,
		Status: p.status, Devices: p.devices(), Since: p.card.since,
	}
}

func (p *person) listed() bool { return p.known && len(p.local)+len(p.remote) > 0 }

// list is the room by arrival.
func (r *room) list() []presence.Person {
	all := make([]*person, 0, len(r.people))
	for _, p := range r.people {
		if p.listed() {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *person) int {
		return cmp.Or(a.card.since.Compare(b.card.since), cmp.Compare(a.card.order, b.card.order), cmp.Compare(a.id, b.id))
	})
	people := make([]presence.Person, len(all))
	for i, p := range all {
		people[i] = p.now()
	}
	return people
}
