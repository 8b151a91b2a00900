// Package pace holds whoever asks to a rate, and tells those who come too fast how
// long to wait.
package pace

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Claim is a token that is asked for: of the bucket with that key, which gets Limit
// tokens a second and holds Burst. A Limit of rate.Inf or 0 is any.
type Claim[K comparable] struct {
	Key   K
	Limit rate.Limit
	Burst int
}

// Pace keeps token buckets by their keys. A bucket is the moment at which it will be
// full again: one that is full is the same as none, so that what is kept is bounded by
// how fast tokens are given. Safe for concurrent use.
type Pace[K comparable] struct {
	mu    sync.Mutex
	full  map[K]time.Time
	sweep int // the length at which buckets that are full are looked for
}

const firstSweep = 1024

// New makes a Pace whose buckets are all full.
func New[K comparable]() *Pace[K] { return &Pace[K]{full: map[K]time.Time{}, sweep: firstSweep} }

// Take takes a token of each claim and returns 0. If one of them has none it takes
// nothing, and returns how long until all have, and the number of the one that makes
// it so long, from 0.
func (p *Pace[K]) Take(now time.Time, claims ...Claim[K]) (wait time.Duration, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range claims {
		if _, w := c.after(p.full[c.Key], now); w > wait {
			wait, by = w, i
		}
	}
	if wait > 0 {
		return wait, by
	}
	for _, c := range claims {
		if at, _ := c.after(p.full[c.Key], now); at.After(now) {
			p.full[c.Key] = at
		}
	}
	if len(p.full) >= p.sweep {
		for key, at := range p.full {
			if !at.After(now) {
				delete(p.full, key)
			}
		}
		p.sweep = max(2*len(p.full), firstSweep)
	}
	return 0, 0
}

// after returns when a bucket that is full at full will be so after one more token is
// taken, and how long until there is one to take.
func (c Claim[K]) after(full, now time.Time) (at time.Time, wait time.Duration) {
	if c.Limit == rate.Inf || c.Limit <= 0 {
		return now, 0
	}
	each := time.Duration(float64(time.Second) / float64(c.Limit))
	if full.Before(now) {
		full = now
	}
	at = full.Add(each)
	return at, max(at.Sub(now)-time.Duration(c.Burst)*each, 0)
}

// Seconds are a wait as Retry-After says it: rounded up, at least 1.
func Seconds(wait time.Duration) int { return max(int(math.Ceil(wait.Seconds())), 1) }
