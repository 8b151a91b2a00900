package notify

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Limits bound how often one person's devices ring. Zero values are unlimited.
type Limits struct {
	Every  time.Duration // shortest time between two rings about one room
	Hourly int           // rings in any 60 minutes
}

// DefaultLimits returns 30 s and 60 an hour. No standard says how much is too much;
// these numbers are our own choice.
func DefaultLimits() Limits { return Limits{Every: 30 * time.Second, Hourly: 60} }

// ringLimiter remembers the recent rings and says when the next one is allowed. A ring
// is one push to a person about a room, on all their devices together.
//
// It is not a token bucket (golang.org/x/time/rate): "60 in any 60 minutes" is a sliding
// window, a ring is counted once for several devices, and a failed send is uncounted.
//
// The state is in memory only. After a restart a room may ring again within Every, and
// the hour begins anew; queued pushes are in the Inbox and are not lost. Entries older
// than an hour are removed, so the size is bounded by the rings of the last hour.
// Safe for concurrent use.
type ringLimiter struct {
	limits Limits

	mu     sync.Mutex
	last   map[ringKey]ring       // the last ring of each key
	hourly map[string][]time.Time // rings by user id, oldest first, at most limits.Hourly
	swept  time.Time              // when old entries were removed last
}

// ringKey names what Limits.Every applies to.
type ringKey struct{ user, room string }

type ring struct {
	at      time.Time            // of its first push
	devices map[string]time.Time // by subscription id: the last push, of this ring or shortly before
}

const (
	hourlyWindow  = time.Hour
	ringDuration  = 10 * time.Second // pushes to further devices within it belong to the same ring
	sweepInterval = time.Minute
)

// The names of the limits, as in Config.OnLimit.
const (
	limitEvery  = "push-every"
	limitHourly = "pushes"
)

func newRingLimiter(l Limits) *ringLimiter {
	return &ringLimiter{limits: l, last: map[ringKey]ring{}, hourly: map[string][]time.Time{}}
}

// earliest returns the earliest time (now or later) at which a ring is allowed, and the
// name of the limit that delays it ("" if none does).
func (l *ringLimiter) earliest(now time.Time, key ringKey) (at time.Time, limit string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	return l.earliestLocked(now, key)
}

func (l *ringLimiter) earliestLocked(now time.Time, key ringKey) (at time.Time, limit string) {
	at = now
	if r, ok := l.last[key]; ok {
		if free := r.at.Add(l.limits.Every); free.After(at) {
			at, limit = free, limitEvery
		}
	}
	if times := l.hourly[key.user]; l.limits.Hourly > 0 && len(times) >= l.limits.Hourly {
		if free := times[len(times)-l.limits.Hourly].Add(hourlyWindow); free.After(at) {
			at, limit = free, limitHourly
		}
	}
	return at, limit
}

// take counts a push to the device and returns 0, or it counts nothing and returns how
// long the push must wait, with the name of the limit.
func (l *ringLimiter) take(now time.Time, key ringKey, device string) (wait time.Duration, limit string) {
	now = now.Truncate(time.Millisecond) // due times of jobs are stored in milliseconds
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	r, rang := l.last[key]
	lastPush := r.devices[device]
	if wait := lastPush.Add(l.limits.Every).Sub(now); wait > 0 {
		return wait, limitEvery
	}
	if rang && lastPush.Before(r.at) && now.Sub(r.at) < max(l.limits.Every, ringDuration) {
		r.devices[device] = now // one more device of the same ring
		return 0, ""
	}
	if at, limit := l.earliestLocked(now, key); at.After(now) {
		return at.Sub(now), limit
	}
	if !rang {
		r.devices = map[string]time.Time{}
	}
	maps.DeleteFunc(r.devices, func(_ string, last time.Time) bool { return now.Sub(last) >= l.limits.Every })
	r.devices[device] = now
	l.last[key] = ring{now, r.devices}
	if n := l.limits.Hourly; n > 0 {
		times := l.hourly[key.user]
		l.hourly[key.user] = append(slices.Clone(times[max(0, len(times)-n+1):]), now)
	}
	return 0, ""
}

// undo uncounts a push that take allowed and that was not delivered. A ring that reached
// no device is uncounted as a whole.
func (l *ringLimiter) undo(key ringKey, device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, rang := l.last[key]
	if !rang {
		return
	}
	delete(r.devices, device)
	for _, lastPush := range r.devices {
		if !lastPush.Before(r.at) {
			return
		}
	}
	delete(l.last, key)
	times := l.hourly[key.user]
	if i := slices.Index(times, r.at); i >= 0 {
		l.hourly[key.user] = slices.Delete(times, i, i+1)
	}
}

// sweep removes entries that no longer limit anything. If the clock was set back, it
// removes all of them: they would forbid rings until the old time is reached again.
func (l *ringLimiter) sweep(now time.Time) {
	if since := now.Sub(l.swept); since < -sweepInterval {
		clear(l.last)
		clear(l.hourly)
	} else if since < sweepInterval {
		return
	}
	l.swept = now
	for key, r := range l.last {
		// The last device of a ring was pushed to in the first half of this time.
		if now.Sub(r.at) >= 2*max(l.limits.Every, ringDuration) {
			delete(l.last, key)
		}
	}
	for user, times := range l.hourly {
		if len(times) == 0 || now.Sub(times[len(times)-1]) >= hourlyWindow {
			delete(l.hourly, user)
		}
	}
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
