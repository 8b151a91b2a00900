package redis

import (
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	readBatch = 32 // rooms read in one exchange
	// minReadPause is the shortest pause after an exchange.
	minReadPause = 5 * time.Millisecond
)

// enqueueRead has a room read. The queue is a set: it holds at most every mirrored
// room once. It needs mu.
func (m *mirror) enqueueRead(r *room) {
	if !r.readQueued {
		r.readQueued = true
		m.readQueue = append(m.readQueue, r)
	}
	m.readNow.Set()
}

// roomChanged has a room read after a message of that node on its channel, unless
// the message is this node's own. It takes mu.
func (m *mirror) roomChanged(channel, node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byKey[channel]; r != nil && node != m.lease.nodeID() {
		m.enqueueRead(r)
	}
}

// runReader updates the subscription and reads the rooms that have changed, until
// ctx ends. After each exchange it pauses for as long as the exchange took, and
// changes gather meanwhile: a large room in which much happens is read less often.
func (m *mirror) runReader(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.readNow:
		}
		m.subscription.update(ctx)
		for ctx.Err() == nil {
			begun := time.Now()
			if !m.readSome(ctx) {
				break
			}
			pause(ctx, max(minReadPause, time.Since(begun)))
		}
	}
}

// readSome reads one batch of the queued rooms, and reports whether to go on.
func (m *mirror) readSome(ctx context.Context) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, m.o.Timeout)
	defer cancel()
	m.mu.Lock()
	if m.lease.isDegraded() || len(m.readQueue) == 0 {
		m.mu.Unlock()
		return false
	}
	n := min(readBatch, len(m.readQueue))
	rooms := m.readQueue[:n:n]
	m.readQueue = m.readQueue[n:]
	for _, r := range rooms {
		r.readQueued = false
	}
	node, replies := m.lease.nodeID(), m.writer.replies
	m.mu.Unlock()

	pipe := m.client.Pipeline()
	found := make([]*goredis.MapStringStringCmd, n)
	for i, r := range rooms {
		found[i] = pipe.HGetAll(ctx, r.key)
	}
	// The epoch is read last: if Redis was replaced, rooms that were read from the new
	// Redis before that are not trusted.
	epoch := pipe.Get(ctx, m.keys.epoch())
	_, err := pipe.Exec(ctx)

	m.mu.Lock()
	defer m.mu.Unlock()
	if node != m.lease.nodeID() { // a new life has queued all rooms again
		return true
	}
	if err != nil && !errors.Is(err, goredis.Nil) {
		m.lease.lose(err)
		return false
	}
	if !m.lease.isEpoch(epoch.Val()) {
		m.lease.doubt()
		for _, r := range rooms {
			m.enqueueRead(r)
		}
		return !m.lease.isDegraded()
	}
	for i, r := range rooms {
		if m.byKey[r.key] == r {
			m.apply(r, found[i].Val(), replies)
		}
	}
	return len(m.readQueue) > 0
}

// apply makes the mirror equal to the room's hash as it was read. replies is
// writer.replies before the exchange: fields set by a later reply may be newer or older
// than the hash, and the room is then read again. It needs mu.
func (m *mirror) apply(r *room, fields map[string]string, replies uint64) {
	changed := map[string]bool{} // people
	remote := make(map[string]remoteConn, len(fields))
	for field, value := range fields {
		if e, ok := parseEntry(value); ok && field[0] == 'c' && !m.lease.ignores(e.node) {
			remote[field[1:]] = remoteConn{node: e.node, state: e.state, user: e.user}
			changed[e.user] = true
		}
	}
	m.applyRemote(r, remote, changed)
	m.applyCards(r, fields, changed, replies)
	m.rewriteMissing(r, remote, fields, replies)
	m.publishAll(r, changed)
	if !r.mirrored {
		r.mirrored = true
		close(r.ready)
	}
}

// applyRemote replaces the room's remote connections. While the node settles in a
// new life, connections that are missing stay. It needs mu.
func (m *mirror) applyRemote(r *room, remote map[string]remoteConn, changed map[string]bool) {
	settling := m.lease.isSettling()
	for name, old := range r.remote {
		if _, stays := remote[name]; !stays && !settling {
			changed[old.user] = true
			m.removeRemote(r, name)
		}
	}
	for name, c := range remote {
		old, known := r.remote[name]
		if known && old == c {
			continue
		}
		if known {
			changed[old.user] = true
		}
		m.setRemote(r, name, c)
	}
}

// applyCards takes the cards of the room's people. It needs mu.
func (m *mirror) applyCards(r *room, fields map[string]string, changed map[string]bool, replies uint64) {
	for field, value := range fields {
		if field[0] != 'p' {
			continue
		}
		p := r.people[field[1:]]
		if p == nil {
			continue
		}
		switch c, ok := parseCard(value); {
		case !ok || p.hasCard && p.card == c:
		case p.hasCard && p.cardReply > replies:
			m.enqueueRead(r)
		default:
			p.card, p.hasCard = c, true
			changed[p.id] = true
		}
	}
}

// rewriteMissing writes again what this node wrote and the room does not have: a
// connection that is live here is shown everywhere, unless another node has a live
// connection of the same name. It needs mu.
func (m *mirror) rewriteMissing(r *room, remote map[string]remoteConn, fields map[string]string, replies uint64) {
	for name, c := range r.local {
		if !isLive(c.state) || c.gen == "" || c.queued {
			continue
		}
		_, stored := fields["c"+name]
		other, moved := remote[name]
		switch {
		case c.genReply > replies:
			if moved { // to the other node, or back from it: only the next reading shows which
				m.enqueueRead(r)
			}
		case !stored, moved && other.state == connGrace:
			c.takeOver = true
			m.writer.enqueueConn(c)
		}
	}
}
