package ws

import (
	"time"

	"golang.org/x/time/rate"

	"weft/server/wire"
)

// TryHandle implements netpoll.Handler: it handles a frame as receive does if that takes
// no waiting for the room, the disk or a rate limiter. Otherwise it changes nothing and
// returns false.
func (c *conn) TryHandle(frame []byte) (handled bool) {
	if !c.dialectMu.TryLock() {
		return false
	}
	defer c.dialectMu.Unlock()
	if c.ended || c.transport.IsClosed() {
		return false
	}
	now := time.Now()
	c.guard(func() {
		handled = true // if tryInline panics
		handled = c.dialect.tryInline(frame, now)
	})
	if handled {
		c.lastReceived.Store(now.UnixNano())
	}
	return handled
}

// tryRunInline gives an update or awareness message, which most messages are, to a room
// inline. size is the length of the frame in bytes.
func (c *conn) tryRunInline(p *peer, b wire.Body, size int, now time.Time) bool {
	var messages *rate.Limiter
	l := &c.door.limits
	switch {
	case b.IsUpdate() && size <= l.Document:
		messages = &c.limiters.updates
	case b.Type == wire.TypeAwareness && size <= l.Event:
		messages = &c.limiters.awareness
	default:
		return false
	}
	if !hasTokens(messages, 1, now) || !hasTokens(&c.limiters.bytes, size, now) || !p.room.TryReceive(p, b, now) {
		return false
	}
	messages.AllowN(now, 1)
	c.limiters.bytes.AllowN(now, size)
	p.touchIfEdit(b)
	return true
}

// hasTokens reports whether the limiter has n tokens now. It takes none.
func hasTokens(l *rate.Limiter, n int, now time.Time) bool {
	return l.Limit() == rate.Inf || l.TokensAt(now) >= float64(n)
}
