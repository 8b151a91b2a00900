package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// redisLog is the logger of go-redis, which otherwise writes to standard error at
// every attempt to connect. Lines go to the debug level, because the tracker itself
// logs when Redis stops answering. go-redis has one logger for the whole process:
// that of the newest tracker.
type redisLog struct {
	log *slog.Logger

	mu      sync.Mutex
	next    time.Time // earliest time of the next line
	skipped int       // lines since the last one
}

// redisLogInterval is the shortest time between two lines.
const redisLogInterval = 10 * time.Second

// Printf implements go-redis' logging interface. Safe for concurrent use.
func (l *redisLog) Printf(ctx context.Context, format string, v ...any) {
	if !l.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	l.mu.Lock()
	now := time.Now()
	if now.Before(l.next) {
		l.skipped++
		l.mu.Unlock()
		return
	}
	skipped := l.skipped
	l.next, l.skipped = now.Add(redisLogInterval), 0
	l.mu.Unlock()
	l.log.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, v...), "skipped", skipped)
}
