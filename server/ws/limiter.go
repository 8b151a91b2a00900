package ws

import (
	"context"

	"golang.org/x/time/rate"
)

// limiters of one connection.
type limiters struct {
	updates *rate.Limiter
	chat    *rate.Limiter
}

func newLimiters(l Limits) *limiters {
	return &limiters{
		updates: rate.NewLimiter(l.Updates, l.UpdatesAt),
		chat:    rate.NewLimiter(l.Chat, l.ChatAt),
	}
}

// update holds the reading goroutine up while the connection sends too fast:
// nothing is lost, the peer's own buffers fill.
func (l *limiters) update() {
	if !l.updates.Allow() {
		_ = l.updates.Wait(context.Background()) // fails only for a burst of 0
	}
}
