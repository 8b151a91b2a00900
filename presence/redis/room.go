package redis

import (
	"cmp"
	"slices"
	"time"

	"weft/presence"
	"weft/presence/internal/deadline"
)

// Everything in this file is guarded by mirror.mu.

// The state of a connection, here and as a letter in Redis. Redis does not store
// connGone.
const (
	connGone   byte = 0
	connOnline byte = 'o'
	connIdle   byte = 'i'
	connAway   byte = 'a'
	connGrace  byte = 'g' // closed, and its person is still shown for the grace period
)

// isLive reports whether a connection in that state counts as a device.
func isLive(state byte) bool { return state != connGone && state != connGrace }

// statuses pairs the states of live connections with the status of a person, the
// most active first.
var statuses = [...]struct {
	state  byte
	status presence.Status
}{{connOnline, presence.Online}, {connIdle, presence.Idle}, {connAway, presence.Away}}

// stateOf returns the state of a live connection with that status.
func stateOf(status presence.Status) byte {
	for _, s := range statuses {
		if s.status == status {
			return s.state
		}
	}
	return connOnline
}

// bestStatus returns the status of a person whose connections are counted by state:
// that of the most active one, "" if no connection is live.
func bestStatus(counts map[byte]int) presence.Status {
	for _, s := range statuses {
		if counts[s.state] > 0 {
			return s.status
		}
	}
	return ""
}

// room is a room that is mirrored on this node.
type room struct {
	name, encoded, key string // encoded: as in keys; key: of the hash and the channel

	local  map[string]*localConn // by name of the connection, also connGone ones that Redis still has
	remote map[string]remoteConn // connections of other nodes, by name of the connection
	people map[string]*person    // by user id

	mirrored   bool          // remote has been read at least once
	ready      chan struct{} // closed when mirrored becomes true
	readQueued bool          // the room is in mirror.readQueue
	used       time.Time     // when a person joined, or a caller asked about the room, last
}

// localConn is a connection of this node.
type localConn struct {
	deadline.Entry // when the state changes by itself; in mirror.deadlines

	room   *room
	name   string
	member presence.Member
	state  byte
	active time.Time // when the connection joined or was last touched

	// What Redis has, as far as this life of the node knows.
	gen       string          // generation of the entry; "": no entry of this life
	genReply  uint64          // writer.replies when gen was set by a reply
	takeOver  bool            // the next write takes the entry over from whichever node has it
	queued    bool            // in writer.conns
	onWritten []chan struct{} // closed after the next write of this connection
}

// remoteConn is a connection of another node.
type remoteConn struct {
	node  string
	state byte
	user  string
}

// person is one person in a room.
type person struct {
	id        string
	local     map[*localConn]struct{}
	remote    map[string]byte // states of visible connections of other nodes, by name
	hasCard   bool
	card      card
	cardReply uint64          // writer.replies when card was set by a reply
	status    presence.Status // when a connection was live last; "": never
	published presence.Person // as in the last join diff
	wasShown  bool            // a diff or a list has shown the person
}

// user is a person over all rooms, by their connections on this node.
type user struct {
	id     string
	conns  map[string]int  // number of rooms by name of the live connection
	counts map[byte]int    // connections by state, without connGone
	status presence.Status // when a connection was live last
	left   time.Time       // when the last live connection closed
	queued bool            // in writer.users
	stored bool            // Redis has devices of this person, written in this life of the node
}

func newRoom(name string, keys keys) *room {
	return &room{
		name: name, encoded: encode(name), key: keys.room(name),
		local: map[string]*localConn{}, remote: map[string]remoteConn{}, people: map[string]*person{},
		ready: make(chan struct{}),
	}
}

// person returns the person of that id, adding them if needed.
func (r *room) person(id string) *person {
	p := r.people[id]
	if p == nil {
		p = &person{id: id, local: map[*localConn]struct{}{}, remote: map[string]byte{}}
		r.people[id] = p
	}
	return p
}

// removeIfGone removes a connection that is connGone.
func (r *room) removeIfGone(c *localConn) {
	if c.state == connGone && r.local[c.name] == c {
		delete(r.local, c.name)
	}
}

// isOnlyConn reports whether no other connection of this node is in the room.
func (r *room) isOnlyConn(c *localConn) bool {
	for _, other := range r.local {
		if other != c && other.state != connGone {
			return false
		}
	}
	return true
}

// updateVisibility decides whether the connection of that name on another node is
// counted. It is not while a live connection of this node has the same name: the
// connection moved, and one of the nodes has not noticed yet.
func (r *room) updateVisibility(name string) {
	other, ok := r.remote[name]
	if !ok {
		return
	}
	if c := r.local[name]; c == nil || !isLive(c.state) {
		r.person(other.user).remote[name] = other.state
	} else if p := r.people[other.user]; p != nil {
		delete(p.remote, name)
	}
}

// addChange adds to the diff how the person differs from the one published last.
// A person without connections is removed.
func (r *room) addChange(id string, d *presence.Diff) {
	p := r.people[id]
	switch {
	case p == nil:
	case len(p.local)+len(p.remote) == 0:
		delete(r.people, id)
		if p.wasShown {
			d.Leaves = append(d.Leaves, id)
		}
	case !p.hasCard:
	case p.devices() == 0: // the beginning of a grace period is not published,
		p.wasShown = true // but a list of the room shows the person
	default:
		if now := p.current(); now != p.published {
			p.published, p.wasShown = now, true
			d.Joins = append(d.Joins, now)
		}
	}
}

// list returns the people of the room by arrival.
func (r *room) list() []presence.Person {
	all := make([]*person, 0, len(r.people))
	for _, p := range r.people {
		if p.isListed() {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *person) int {
		return cmp.Or(a.card.since.Compare(b.card.since), cmp.Compare(a.card.order, b.card.order), cmp.Compare(a.id, b.id))
	})
	people := make([]presence.Person, len(all))
	for i, p := range all {
		people[i] = p.current()
	}
	return people
}

// counts returns the number of the person's connections in the room by state.
func (p *person) counts() map[byte]int {
	counts := make(map[byte]int, 4)
	for c := range p.local {
		counts[c.state]++
	}
	for _, state := range p.remote {
		counts[state]++
	}
	return counts
}

// devices returns the number of the person's live connections in the room.
func (p *person) devices() int {
	n := 0
	for c := range p.local {
		if isLive(c.state) {
			n++
		}
	}
	for _, state := range p.remote {
		if isLive(state) {
			n++
		}
	}
	return n
}

// current returns the person as they are now. During the grace period the status
// stays as it was.
func (p *person) current() presence.Person {
	p.status = cmp.Or(bestStatus(p.counts()), p.status, presence.Online)
	return presence.Person{
		ID: p.id, Name: p.card.name, Avatar: p.card.avatar, Slot: p.card.slot,
		Status: p.status, Devices: p.devices(), Since: p.card.since,
	}
}

func (p *person) isListed() bool { return p.hasCard && len(p.local)+len(p.remote) > 0 }

// hasConns reports whether the person has a connection on this node that is live
// or in its grace period.
func (u *user) hasConns() bool { return len(u.counts) > 0 }
