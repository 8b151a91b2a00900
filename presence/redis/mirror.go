package redis

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
	"weft/presence/internal/deadline"
	"weft/presence/internal/signal"
)

// mirrorIdle is how long a room without a connection of this node stays mirrored
// after a caller asked about it.
const mirrorIdle = time.Minute

// mirror is what this node knows about rooms and people: its own connections, and
// those of other nodes in the rooms that it mirrors. It combines both into people
// and publishes the difference.
//
// Two goroutines belong to it: runTimers and runReader (reader.go). The methods
// below need mu unless they say that they take it.
type mirror struct {
	o            Options
	keys         keys
	client       *goredis.Client
	lease        *lease
	writer       *writer
	subscription *subscription
	watchers     *presence.Watchers
	statuses     *presence.StatusWatchers

	readNow   signal.Signal // for runReader: rooms to read, or channels to change
	timersNow signal.Signal // for runTimers: the first deadline is earlier now

	mu        sync.Mutex // also guards the queues of the writer
	closed    bool
	rooms     map[string]*room // by name
	byKey     map[string]*room
	users     map[string]*user // people with connections on this node, by id
	slots     *presence.SlotMemory
	nodeConns map[string]int            // remote connections by node
	readQueue []*room                   // rooms to read, each once
	deadlines deadline.Heap[*localConn] // idle and away times, ends of grace periods
}

func newMirror(o Options, keys keys, client *goredis.Client) *mirror {
	return &mirror{
		o: o, keys: keys, client: client,
		readNow: signal.New(), timersNow: signal.New(),
		rooms: map[string]*room{}, byKey: map[string]*room{}, users: map[string]*user{},
		slots: presence.NewSlotMemory(), nodeConns: map[string]int{},
	}
}

// join adds or replaces a connection of this node. written is closed when the
// connection is in Redis, or will not be because the node is degraded.
func (m *mirror) join(member presence.Member) (p *person, written <-chan struct{}) {
	r := m.room(member.Room)
	c := r.local[member.Conn]
	if c == nil {
		c = &localConn{room: r, name: member.Conn}
		r.local[member.Conn] = c
	}
	if c.member.User != member.User {
		m.detach(c)
	}
	c.member = member
	if !isLive(c.state) {
		c.active = time.Now()
		m.setState(c, connOnline)
	}
	c.takeOver = true
	p = r.person(member.User)
	done := make(chan struct{})
	if m.lease.isDegraded() {
		m.assignCard(p)
		close(done)
	} else {
		c.onWritten = append(c.onWritten, done)
		m.writer.enqueueConn(c)
	}
	return p, done
}

// leave begins the grace period of a live connection.
func (m *mirror) leave(c *localConn) {
	if m.o.Grace <= 0 {
		m.remove(c)
		return
	}
	m.setState(c, connGrace)
	m.writer.enqueueConn(c)
	m.publish(c.room, c.member.User)
}

// remove ends a connection after its grace period.
func (m *mirror) remove(c *localConn) {
	m.detach(c)
	m.writer.enqueueConn(c)
}

// change calls f with a live connection of this node, under mu, which it takes.
// Unknown connections are ignored. The error is presence.ErrClosed.
func (m *mirror) change(room, conn string, f func(c *localConn, now time.Time)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return presence.ErrClosed
	}
	if r := m.rooms[room]; r != nil {
		if c := r.local[conn]; c != nil && isLive(c.state) {
			f(c, time.Now())
		}
	}
	return nil
}

// lockMirrored returns the room with mu locked, unless it returns an error. A
// room that was not mirrored is read first, for at most Options.Timeout.
func (m *mirror) lockMirrored(ctx context.Context, name string) (*room, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, presence.ErrClosed
	}
	r := m.room(name)
	if r.mirrored || m.lease.isDegraded() {
		return r, nil
	}
	ready := r.ready
	m.mu.Unlock()
	timer := time.NewTimer(m.o.Timeout)
	defer timer.Stop()
	select {
	case <-ready:
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, presence.ErrClosed
	}
	return m.room(name), nil
}

// room returns the room, and begins to mirror it if needed.
func (m *mirror) room(name string) *room {
	r := m.rooms[name]
	if r == nil {
		r = newRoom(name, m.keys)
		m.rooms[name], m.byKey[r.key] = r, r
		m.subscription.add(r.key)
	}
	r.used = time.Now()
	return r
}

// unmirror stops mirroring a room without connections of this node.
func (m *mirror) unmirror(r *room) {
	for name := range r.remote {
		m.removeRemote(r, name)
	}
	for id := range r.people {
		m.publish(r, id)
	}
	delete(m.rooms, r.name)
	delete(m.byKey, r.key)
	m.subscription.remove(r.key)
}

// roomOf returns the name of the mirrored room with that channel. It takes mu.
func (m *mirror) roomOf(channel string) (name string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byKey[channel]; r != nil {
		return r.name, true
	}
	return "", false
}

// assignCard gives a person of this node a card that this node chooses, if Redis
// has not given one. While degraded it also updates name and avatar.
func (m *mirror) assignCard(p *person) {
	r, member := (*room)(nil), presence.Member{}
	for c := range p.local {
		r, member = c.room, c.member
	}
	if r == nil || p.hasCard && !m.lease.isDegraded() {
		return
	}
	if !p.hasCard {
		var used [presence.Slots]int
		var last int64
		for _, other := range r.people {
			if other.hasCard {
				used[other.card.slot]++
				last = max(last, other.card.order)
			}
		}
		slot, remembered := m.slots.Get(r.name, p.id)
		if !remembered || used[slot] > 0 {
			slot = presence.LeastUsedSlot(p.id, used)
		}
		p.card.slot, p.card.order = slot, last+1
		p.card.since = time.Now().UTC().Truncate(time.Millisecond)
		p.hasCard = true
		m.slots.Put(r.name, p.id, slot)
	}
	p.card.name, p.card.avatar = member.Name, member.Avatar
	m.publish(r, p.id)
}

// publish sends the watchers the difference since the person's last publication.
func (m *mirror) publish(r *room, id string) { m.publishAll(r, map[string]bool{id: true}) }

// publishAll does the same for many people, in one diff that contains each person once. A
// diff must not contain a join and a leave of one person, because leaves are applied first.
func (m *mirror) publishAll(r *room, people map[string]bool) {
	d := presence.Diff{Room: r.name}
	for id := range people {
		r.addChange(id, &d)
	}
	m.watchers.Publish(d)
}

// beginLife queues all connections to be written again and all rooms to be read again,
// after the node has taken a lease under a new id.
func (m *mirror) beginLife() {
	for _, r := range m.rooms {
		for _, c := range r.local {
			c.gen, c.takeOver = "", isLive(c.state)
		}
	}
	for _, u := range m.users {
		u.stored = false
	}
	m.writeAll()
	m.readAll()
	m.statuses.ChangedAll()
}

// writeAll has all connections and people of this node written again.
func (m *mirror) writeAll() {
	for _, r := range m.rooms {
		for _, c := range r.local {
			m.writer.enqueueConn(c)
		}
	}
	for _, u := range m.users {
		m.writer.enqueueUser(u)
	}
}

// readAll has all rooms read again.
func (m *mirror) readAll() {
	for _, r := range m.rooms {
		m.enqueueRead(r)
	}
}
