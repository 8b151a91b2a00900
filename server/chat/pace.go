package chat

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"weft/server/store"
)

// Limits of how fast a room is written to, over all doors and connections
// together. rate.Inf and 0 are any.
type Limits struct {
	Person   rate.Limit // of one person in one room
	PersonAt int        // burst
	Room     rate.Limit // of everybody in one room
	RoomAt   int        // burst
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits { return Limits{Person: 5, PersonAt: 10, Room: 100, RoomAt: 300} }

// LabLimits lift them, for load tests.
func LabLimits() Limits { return Limits{Person: rate.Inf, PersonAt: 10, Room: rate.Inf, RoomAt: 300} }

// TooFast refuses what comes too fast. Nothing has happened; after Wait there is
// room for one more.
type TooFast struct{ Wait time.Duration }

func (e *TooFast) Error() string {
	return fmt.Sprintf("chat: too many messages: wait %d s, then send it again", e.Seconds())
}

// Seconds are Wait, rounded up, at least 1.
func (e *TooFast) Seconds() int { return max(int(math.Ceil(e.Wait.Seconds())), 1) }

// pace holds people and rooms to the limits. A bucket is the moment at which it
// will be full again: one that is full is the same as none, so that what is kept
// is bounded by how fast messages are let in. Safe for concurrent use.
type pace struct {
	limits Limits

	mu    sync.Mutex
	full  map[bucket]time.Time
	sweep int // the length at which buckets that are full are looked for
}

// bucket is a room's, or with a person theirs in that room.
type bucket struct {
	room   store.RoomID
	person string
}

const firstSweep = 1024

func newPace(l Limits) *pace {
	return &pace{limits: l, full: map[bucket]time.Time{}, sweep: firstSweep}
}

// allow takes a token of the person and one of the room, or none and returns a
// *TooFast.
func (p *pace) allow(person string, room store.RoomID, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, all := bucket{room, person}, bucket{room: room}
	ownAt, ownWait := after(p.full[own], now, p.limits.Person, p.limits.PersonAt)
	allAt, allWait := after(p.full[all], now, p.limits.Room, p.limits.RoomAt)
	if wait := max(ownWait, allWait); wait > 0 {
		return &TooFast{Wait: wait}
	}
	p.put(own, ownAt, now)
	p.put(all, allAt, now)
	if len(p.full) >= p.sweep {
		for b, at := range p.full {
			if !at.After(now) {
				delete(p.full, b)
			}
		}
		p.sweep = max(2*len(p.full), firstSweep)
	}
	return nil
}

func (p *pace) put(b bucket, at, now time.Time) {
	if at.After(now) {
		p.full[b] = at
	}
}

// after returns when a bucket that is full at full will be so after one more
// token is taken, and how long until there is one to take.
func after(full, now time.Time, limit rate.Limit, burst int) (at time.Time, wait time.Duration) {
	if limit == rate.Inf || limit <= 0 {
		return now, 0
	}
	each := time.Duration(float64(time.Second) / float64(limit))
	if full.Before(now) {
		full = now
	}
	at = full.Add(each)
	return at, at.Sub(now) - time.Duration(burst)*each
}
