package ws

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limiters of one connection.
type limiters struct {
	updates rate.Limiter
	asks    rate.Limiter
	moves   rate.Limiter
	bytes   rate.Limiter
	hit     func(limit string)
}

// begin makes all of them full.
func (l *limiters) begin(limits limits) {
	l.hit = limits.hit
	fill(&l.updates, limits.Updates, limits.UpdatesAt)
	fill(&l.asks, limits.Asks, limits.AsksAt)
	fill(&l.moves, limits.Moves, limits.MovesAt)
	fill(&l.bytes, limits.Bytes, max(limits.BytesAt, limits.Document))
}

// fill is rate.NewLimiter for one that is part of something else.
func fill(l *rate.Limiter, limit rate.Limit, burst int) {
	var longAgo time.Time // since then as many tokens have come as there is room for
	l.SetLimitAt(longAgo, limit)
	l.SetBurstAt(longAgo, burst)
}

// update holds the reading goroutine up while the connection sends too fast:
// nothing is lost, the peer's own buffers fill.
func (l *limiters) update() { l.hold(&l.updates, "updates") }

// ask does the same for what costs the server more than it costs the peer.
func (l *limiters) ask() { l.hold(&l.asks, "requests") }

// move does the same for awareness.
func (l *limiters) move() { l.hold(&l.moves, "awareness") }

// size does the same for the bytes of a frame. A long step 2 waits no longer than
// the connection may be silent.
func (l *limiters) size(n int) {
	burst := l.bytes.Burst()
	if most := burst + int(float64(longestHold/time.Second)*float64(min(l.bytes.Limit(), 1<<40))); n > most {
		n = most
	}
	for ; n > 0; n -= burst {
		if now := min(n, burst); !l.bytes.AllowN(time.Now(), now) {
			l.hit("bytes")
			_ = l.bytes.WaitN(context.Background(), now) // fails only for more than the burst
		}
	}
}

// longestHold is well within pongWait.
const longestHold = 20 * time.Second

// hold waits for one token: at these rates far shorter than a pong may take.
func (l *limiters) hold(r *rate.Limiter, limit string) {
	if !r.Allow() {
		l.hit(limit)
		_ = r.Wait(context.Background()) // fails only for a burst of 0
	}
}
