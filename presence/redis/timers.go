package redis

import (
	"context"
	"time"

	"weft/presence"
)

// updateStatus sets the state of a live connection according to its last activity. It needs mu.
func (m *mirror) updateStatus(c *localConn, now time.Time) {
	status, _ := presence.StatusAfter(now.Sub(c.active), m.o.Idle, m.o.Away)
	state := stateOf(status)
	if state == c.state {
		// Touch leaves the deadline where it is, too early. It is moved when it
		// is reached: once in two minutes and not with every keystroke.
		if due, ok := m.deadlines.At(c); !ok || !due.After(now) {
			m.schedule(c)
		}
		return
	}
	m.setState(c, state)
	m.writer.enqueueConn(c)
	m.publish(c.room, c.member.User)
}

// schedule sets the deadline at which the connection's state changes by itself. It
// needs mu.
func (m *mirror) schedule(c *localConn) {
	now := time.Now()
	var left time.Duration
	switch {
	case c.state == connGrace:
		left = m.o.Grace
	case isLive(c.state):
		_, left = presence.StatusAfter(now.Sub(c.active), m.o.Idle, m.o.Away)
	}
	if left <= 0 {
		m.deadlines.Remove(c)
		return
	}
	m.deadlines.Set(c, now.Add(left))
	if first, _, _ := m.deadlines.First(); first == c {
		m.timersNow.Set()
	}
}

// runTimers acts on deadlines and does the periodic work, at least once a second,
// until ctx ends.
func (m *mirror) runTimers(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	refreshed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.timersNow:
		case <-timer.C:
		}
		now := time.Now()
		m.mu.Lock()
		wait := m.expire(now)
		if m.lease.hideRemotes(now) {
			m.removeRemotes(func(remoteConn) bool { return true })
		}
		if m.lease.endSettling(now) {
			m.readAll()
		}
		if now.Sub(refreshed) > refresh {
			refreshed = now
			m.writeAll()
		}
		unused := m.unusedRooms(now)
		m.mu.Unlock()
		m.unmirrorUnused(unused)
		timer.Reset(wait)
	}
}

// expire acts on the deadlines that have been reached and returns how long to
// wait for the next one, at most a second. It needs mu.
func (m *mirror) expire(now time.Time) (wait time.Duration) {
	for {
		c, due, ok := m.deadlines.First()
		if !ok {
			return time.Second
		}
		if left := due.Sub(now); left > 0 {
			return min(time.Second, left)
		}
		if c.state == connGrace {
			m.remove(c)
		} else {
			m.updateStatus(c, now)
		}
	}
}

// unusedRooms returns the rooms that this node has no connection in and that
// nobody asked about lately. It needs mu.
func (m *mirror) unusedRooms(now time.Time) (unused []*room) {
	for _, r := range m.rooms {
		if len(r.local) == 0 && now.Sub(r.used) > mirrorIdle {
			unused = append(unused, r)
		}
	}
	return unused
}

// unmirrorUnused stops mirroring the given rooms, except rooms that are in use again or that
// Options.KeepMirror keeps. It takes mu, but does not hold it during a call of KeepMirror.
func (m *mirror) unmirrorUnused(rooms []*room) {
	for _, r := range rooms {
		keep := m.o.KeepMirror != nil && m.o.KeepMirror(r.name)
		m.mu.Lock()
		switch {
		case m.rooms[r.name] != r || len(r.local) > 0 || time.Since(r.used) <= mirrorIdle:
		case keep:
			r.used = time.Now()
		default:
			m.unmirror(r)
		}
		m.mu.Unlock()
	}
}
