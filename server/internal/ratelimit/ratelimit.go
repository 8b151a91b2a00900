// Package ratelimit limits how often things happen for each of many keys, such as
// people, rooms or addresses. Each key has a token bucket of golang.org/x/time/rate;
// the package adds a bounded table of them, and decisions over several at once.
package ratelimit

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// DefaultKeys is how many limiters a Keyed holds if it is not told otherwise. A
// limiter takes some 300 bytes.
const DefaultKeys = 1 << 16

// Claim asks for one token of the limiter of a key. The first claim of a key makes
// its limiter, with a full bucket: Limit and Burst must be the same in all claims
// of a key.
type Claim[K comparable] struct {
	Key   K
	Limit rate.Limit // tokens per second; rate.Inf or 0: not limited
	Burst int        // size of the bucket, at least 1
}

// Keyed is a table of limiters by key. It is safe for concurrent use.
//
// A limiter whose bucket is full does what a new one does, so it is dropped once
// it is the least recently used. If all buckets are in use and the table is full,
// the least recently used limiter is dropped: its key gets a full bucket again.
type Keyed[K comparable] struct {
	mu       sync.Mutex
	limiters *simplelru.LRU[K, *rate.Limiter]
}

// New makes an empty table that holds at most maxKeys limiters; 0 means DefaultKeys.
func New[K comparable](maxKeys int) *Keyed[K] {
	if maxKeys <= 0 {
		maxKeys = DefaultKeys
	}
	limiters, err := simplelru.NewLRU[K, *rate.Limiter](maxKeys, nil)
	if err != nil {
		panic(err) // only for a size of 0
	}
	return &Keyed[K]{limiters: limiters}
}

// Take takes one token for each claim and returns 0. If any of them has no token
// now, it takes none, and returns how long to wait until all of them have one, and
// the index of the claim that takes longest. A caller that waits this long gets the
// tokens, unless another caller has taken them in the meantime.
func (k *Keyed[K]) Take(claims ...Claim[K]) (retryAfter time.Duration, limitedBy int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.dropIdle(now)
	reserved := make([]*rate.Reservation, 0, len(claims))
	for i, c := range claims {
		if c.Limit == rate.Inf || c.Limit <= 0 {
			continue
		}
		r := k.limiter(c).ReserveN(now, 1)
		reserved = append(reserved, r)
		if wait := r.DelayFrom(now); wait > retryAfter {
			retryAfter, limitedBy = wait, i
		}
	}
	if retryAfter > 0 {
		for _, r := range reserved {
			r.CancelAt(now) // puts the token back
		}
	}
	return retryAfter, limitedBy
}

// limiter returns the limiter of a claim's key. mu is held.
func (k *Keyed[K]) limiter(c Claim[K]) *rate.Limiter {
	l, ok := k.limiters.Get(c.Key)
	if !ok {
		l = rate.NewLimiter(c.Limit, c.Burst)
		k.limiters.Add(c.Key, l) // drops the least recently used if the table is full
	}
	return l
}

// dropIdle drops the least recently used limiters whose buckets are full, at most
// two: a call adds as many at most, so that the table shrinks when it is idle and no
// call takes long. mu is held.
func (k *Keyed[K]) dropIdle(now time.Time) {
	for range 2 {
		_, l, ok := k.limiters.GetOldest()
		if !ok || l.TokensAt(now) < float64(l.Burst()) {
			return
		}
		k.limiters.RemoveOldest()
	}
}

// Seconds rounds a wait up to whole seconds, at least 1, as the header Retry-After
// has it.
func Seconds(wait time.Duration) int { return max(int(math.Ceil(wait.Seconds())), 1) }
