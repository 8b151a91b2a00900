package ws

import (
	"time"

	"golang.org/x/time/rate"

	"weft/server/wire"
)

// quick takes a frame as receive does, if that takes no waiting: for the room, the disk
// or a rate. It returns whether it has; if not, nothing has happened. It is called while
// no other frame of the connection is worked on.
func (c *conn) quick(frame []byte) (taken bool) {
	if !c.work.TryLock() {
		return false
	}
	defer c.work.Unlock()
	if c.over || c.lingers.ended() {
		return false
	}
	now := time.Now()
	c.guard(func() {
		taken = true // if it panics
		taken = c.dialect.quick(frame, now)
	})
	if taken {
		c.heard.Store(now.UnixNano())
	}
	return taken
}

// quickly gives a room what is most of what a peer says.
func (c *conn) quickly(p *peer, b wire.Body, size int, now time.Time) bool {
	var times *rate.Limiter
	l := &c.door.limits
	switch {
	case b.IsUpdate() && size <= l.Document:
		times = &c.limit.updates
	case b.Type == wire.TypeAwareness && size <= l.Event:
		times = &c.limit.moves
	default:
		return false
	}
	if !has(times, 1, now) || !has(&c.limit.bytes, size, now) || !p.room.TryReceive(p, b, now) {
		return false
	}
	times.AllowN(now, 1)
	c.limit.bytes.AllowN(now, size)
	p.edits(b)
	return true
}

// has tells whether n tokens are there now.
func has(l *rate.Limiter, n int, now time.Time) bool {
	return l.Limit() == rate.Inf || l.TokensAt(now) >= float64(n)
}
