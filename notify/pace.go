package notify

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Limits of what rings one person. 0 is any.
type Limits struct {
	Every  time.Duration // between two pushes about one room
	Hourly int           // pushes in any 60 minutes
}

// DefaultLimits are our own choice.
func DefaultLimits() Limits { return Limits{Every: 30 * time.Second, Hourly: 60} }

// pace knows what has rung. A ring is one push, on however many devices: they
// count once. It is in memory only: after a restart a room may ring again at
// once and an hour begins anew, but what waits is in the Inbox. What is over
// is forgotten, so what is kept is bounded by what rang in the last hour.
type pace struct {
	limits Limits

	mu    sync.Mutex
	rings map[place]ring         // the last one of each
	hour  map[string][]time.Time // by user, oldest first, at most limits.Hourly
	swept time.Time
}

type place struct{ user, room string }

type ring struct {
	at      time.Time
	devices map[string]time.Time // when each rang, in this ring or not long before it
}

const (
	perHour  = time.Hour
	together = 10 * time.Second // devices that follow within it are of the same ring
	sweeping = time.Minute
)

func newPace(l Limits) *pace {
	return &pace{limits: l, rings: map[place]ring{}, hour: map[string][]time.Time{}}
}

// free is when the place may ring, now at the earliest, and which limit it is that
// makes it later.
func (p *pace) free(now time.Time, at place) (free time.Time, by string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	return p.next(now, at)
}

func (p *pace) next(now time.Time, at place) (free time.Time, by string) {
	free = now
	if r, rang := p.rings[at]; rang {
		free, by = later(free, r.at.Add(p.limits.Every)), every
	}
	if times := p.hour[at.user]; p.limits.Hourly > 0 && len(times) >= p.limits.Hourly {
		if at := times[len(times)-p.limits.Hourly].Add(perHour); at.After(free) {
			free, by = at, hourly
		}
	}
	return free, by
}

// The limits, as those call them who are told of hits.
const (
	every  = "push-every"
	hourly = "pushes"
)

// take lets the device ring and returns 0, or says how long it must wait, and by which
// limit.
func (p *pace) take(now time.Time, at place, device string) (wait time.Duration, by string) {
	now = now.Truncate(time.Millisecond) // as jobs are stored: nobody comes too early by less
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	r, rang := p.rings[at]
	last := r.devices[device]
	if wait := last.Add(p.limits.Every).Sub(now); wait > 0 {
		return wait, every
	}
	if rang && last.Before(r.at) && now.Sub(r.at) < max(p.limits.Every, together) {
		r.devices[device] = now
		return 0, ""
	}
	if free, by := p.next(now, at); free.After(now) {
		return free.Sub(now), by
	}
	if !rang {
		r.devices = map[string]time.Time{}
	}
	maps.DeleteFunc(r.devices, func(_ string, last time.Time) bool { return now.Sub(last) >= p.limits.Every })
	r.devices[device] = now
	p.rings[at] = ring{now, r.devices}
	if n := p.limits.Hourly; n > 0 {
		times := p.hour[at.user]
		p.hour[at.user] = append(slices.Clone(times[max(0, len(times)-n+1):]), now)
	}
	return 0, ""
}

// undo takes back a take that did not ring. A ring on no device was none.
func (p *pace) undo(at place, device string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, rang := p.rings[at]
	if !rang {
		return
	}
	delete(r.devices, device)
	for _, last := range r.devices {
		if !last.Before(r.at) {
			return
		}
	}
	delete(p.rings, at)
	times := p.hour[at.user]
	if i := slices.Index(times, r.at); i >= 0 {
		p.hour[at.user] = slices.Delete(times, i, i+1)
	}
}

// sweep forgets what is over; all of it if the clock was set back, as nobody would
// ring until it is there again.
func (p *pace) sweep(now time.Time) {
	if since := now.Sub(p.swept); since < -sweeping {
		clear(p.rings)
		clear(p.hour)
	} else if since < sweeping {
		return
	}
	p.swept = now
	for at, r := range p.rings {
		if now.Sub(r.at) >= 2*max(p.limits.Every, together) { // its last device rang half of that ago at least
			delete(p.rings, at)
		}
	}
	for user, times := range p.hour {
		if len(times) == 0 || now.Sub(times[len(times)-1]) >= perHour {
			delete(p.hour, user)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
