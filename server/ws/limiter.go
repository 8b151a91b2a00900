package ws

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"weft/crdt/ysync"
	"weft/server/wire"
)

// limiters are the rate limiters of one connection. A message that exceeds a rate is not
// lost: the reading goroutine waits, and the client's own buffers fill.
type limiters struct {
	updates   rate.Limiter
	requests  rate.Limiter // what costs the server more than it costs the client
	awareness rate.Limiter
	bytes     rate.Limiter
	onLimit   func(limit string)
}

// init sets all limiters to their full bursts.
func (l *limiters) init(limits limits) {
	l.onLimit = limits.onLimit
	initLimiter(&l.updates, limits.Updates, limits.UpdatesBurst)
	initLimiter(&l.requests, limits.Requests, limits.RequestsBurst)
	initLimiter(&l.awareness, limits.Awareness, limits.AwarenessBurst)
	initLimiter(&l.bytes, limits.Bytes, max(limits.BytesBurst, limits.Document))
}

// initLimiter is rate.NewLimiter for a limiter that is a field of something.
func initLimiter(l *rate.Limiter, limit rate.Limit, burst int) {
	var longAgo time.Time // enough tokens for a full burst have come since
	l.SetLimitAt(longAgo, limit)
	l.SetBurstAt(longAgo, burst)
}

func (l *limiters) waitUpdate()    { l.wait(&l.updates, "updates") }
func (l *limiters) waitRequest()   { l.wait(&l.requests, "requests") }
func (l *limiters) waitAwareness() { l.wait(&l.awareness, "awareness") }

// wait waits for one token. At these rates it takes far less than a pong may.
func (l *limiters) wait(r *rate.Limiter, limit string) {
	if !r.Allow() {
		l.onLimit(limit)
		_ = r.Wait(context.Background()) // fails only for a burst of 0
	}
}

// waitBytes waits until a message of n bytes may be handled, at most about maxBytesWait.
func (l *limiters) waitBytes(n int) {
	burst := l.bytes.Burst()
	if most := burst + int(float64(maxBytesWait/time.Second)*float64(min(l.bytes.Limit(), 1<<40))); n > most {
		n = most
	}
	for ; n > 0; n -= burst {
		if now := min(n, burst); !l.bytes.AllowN(time.Now(), now) {
			l.onLimit("bytes")
			_ = l.bytes.WaitN(context.Background(), now) // fails only for more than the burst
		}
	}
}

// maxBytesWait is how long a large step 2 waits: well below pongWait, as the connection
// is not read meanwhile.
const maxBytesWait = 20 * time.Second

// enforceLimits applies the limits of all dialects to a body in a message of size bytes:
// it waits while a rate is exceeded, or closes the connection and returns false.
func (c *conn) enforceLimits(b wire.Body, size int) bool {
	switch {
	case b.IsUpdate():
		c.limiters.waitUpdate()
	case b.Type == wire.TypeAwareness:
		c.limiters.waitAwareness()
	case b.Type == wire.TypeSync || b.Type == wire.TypeQueryAwareness:
		c.limiters.waitRequest()
	}
	switch l := &c.door.limits; {
	case b.Type != wire.TypeSync || size <= l.Document || b.Sync == ysync.Step2:
	case b.Sync == ysync.Step1:
		l.onLimit("message")
		c.close(wire.CloseTooLarge, fmt.Sprintf("state vector of %d bytes: the limit is %d", size, l.Document))
		return false
	default:
		// The client keeps what it wrote, and sends it after a reconnect in a step 2,
		// which may be as large as Limits.Answer. After a code from 4400 to 4499 it might
		// not reconnect.
		l.onLimit("message")
		c.close(wire.CloseOverload, "update too large: reconnect and sync")
		return false
	}
	if limit := c.door.limits.Event; b.Type != wire.TypeSync && size > limit {
		c.door.limits.onLimit("event")
		c.close(wire.CloseTooLarge, fmt.Sprintf("awareness or event of %d bytes: the limit is %d", size, limit))
		return false
	}
	return true
}
