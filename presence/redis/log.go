package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// chatter takes what go-redis says by itself, on standard error otherwise and for
// every try to connect: what matters of that the tracker says. go-redis has one
// logger for the whole process, so it is the newest tracker's.
type chatter struct {
	log *slog.Logger

	mu    sync.Mutex
	quiet time.Time // until when lines are only counted
	left  int       // out since the last one
}

// chatterEvery is how far apart its lines are in the log.
const chatterEvery = 10 * time.Second

// Printf implements go-redis' logger.
func (c *chatter) Printf(ctx context.Context, format string, v ...any) {
	if !c.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	c.mu.Lock()
	now := time.Now()
	if now.Before(c.quiet) {
		c.left++
		c.mu.Unlock()
		return
	}
	left := c.left
	c.quiet, c.left = now.Add(chatterEvery), 0
	c.mu.Unlock()
	c.log.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, v...), "left out", left)
}
