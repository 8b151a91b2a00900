package redis

import (
	"cmp"
	"time"
)

// The methods in this file keep the connections of the mirror: those of this node, by
// state, and those of other nodes. They need mirror.mu.

// setState puts a connection into a state other than connGone.
func (m *mirror) setState(c *localConn, state byte) {
	u := m.users[c.member.User]
	if u == nil {
		u = &user{id: c.member.User, conns: map[string]int{}, counts: map[byte]int{}}
		m.users[u.id] = u
	}
	m.countState(u, c, state)
	c.state = state
	m.schedule(c)
	c.room.person(c.member.User).local[c] = struct{}{}
	if other, ok := c.room.remote[c.name]; ok {
		m.revealRemote(c.room, c.name, other)
		if other.user != c.member.User {
			m.publish(c.room, other.user)
		}
	}
}

// detach puts a connection into the state connGone.
func (m *mirror) detach(c *localConn) {
	if c.state == connGone {
		return
	}
	r, id := c.room, c.member.User
	m.countState(m.users[id], c, connGone)
	c.state = connGone
	m.schedule(c)
	delete(r.person(id).local, c)
	if other, ok := r.remote[c.name]; ok {
		m.revealRemote(r, c.name, other)
		m.publish(r, other.user)
	}
	m.publish(r, id)
}

// countState changes the connection's state in its person's counts over all rooms, and
// queues the counts for Redis.
func (m *mirror) countState(u *user, c *localConn, to byte) {
	from := c.state
	if from == to {
		return
	}
	switch {
	case isLive(from) && !isLive(to):
		if u.conns[c.name]--; u.conns[c.name] == 0 {
			delete(u.conns, c.name)
		}
		u.left = time.Now()
	case !isLive(from) && isLive(to):
		u.conns[c.name]++
	}
	if u.counts[from]--; from == connGone || u.counts[from] == 0 {
		delete(u.counts, from)
	}
	if to != connGone {
		u.counts[to]++
	}
	u.status = cmp.Or(bestStatus(u.counts), u.status)
	m.statuses.Changed(u.id)
	m.writer.enqueueUser(u)
}

// setRemote adds or changes a connection of another node.
func (m *mirror) setRemote(r *room, name string, c remoteConn) {
	m.removeRemote(r, name)
	m.nodeConns[c.node]++
	r.remote[name] = c
	r.updateVisibility(name)
}

// removeRemote removes a connection of another node, if there is one.
func (m *mirror) removeRemote(r *room, name string) {
	old, ok := r.remote[name]
	if !ok {
		return
	}
	if p := r.people[old.user]; p != nil {
		delete(p.remote, name)
	}
	if m.nodeConns[old.node]--; m.nodeConns[old.node] == 0 {
		delete(m.nodeConns, old.node)
		m.lease.forgetAbsence(old.node)
	}
	delete(r.remote, name)
}

// removeRemotes removes the connections of other nodes that match from all rooms,
// and publishes the leaves.
func (m *mirror) removeRemotes(match func(remoteConn) bool) {
	for _, r := range m.rooms {
		changed := map[string]bool{}
		for name, c := range r.remote {
			if match(c) {
				m.removeRemote(r, name)
				changed[c.user] = true
			}
		}
		m.publishAll(r, changed)
	}
	m.statuses.ChangedAll()
}

// revealRemote updates the visibility of a remote connection after this node's
// connection of the same name has changed. A person who becomes visible has no
// card yet if they were hidden when the room was read, so the room is read again.
func (m *mirror) revealRemote(r *room, name string, other remoteConn) {
	r.updateVisibility(name)
	if p := r.people[other.user]; p != nil && !p.hasCard {
		m.enqueueRead(r)
	}
}
