package chat

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"weft/server/internal/ratelimit"
	"weft/server/store"
)

// Limits of how fast a room's chat is changed, over all doors and connections
// together. A limit is changes per second; rate.Inf or 0 means not limited. A
// burst is how many changes may come at once.
type Limits struct {
	Person      rate.Limit // of one person in one room
	PersonBurst int
	Room        rate.Limit // of everybody in one room
	RoomBurst   int
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits { return Limits{Person: 5, PersonBurst: 10, Room: 100, RoomBurst: 300} }

// LabLimits are for load tests: rates are not limited.
func LabLimits() Limits {
	return Limits{Person: rate.Inf, PersonBurst: 10, Room: rate.Inf, RoomBurst: 300}
}

// RateLimitError refuses a change because a rate limit is reached. Nothing has
// happened; after RetryAfter one more change is allowed.
type RateLimitError struct{ RetryAfter time.Duration }

// Error implements error. The text says how long to wait.
func (e *RateLimitError) Error() string {
	return fmt.Sprintf("chat: too many messages: wait %d s, then send it again", e.Seconds())
}

// Seconds returns RetryAfter in whole seconds, rounded up, at least 1.
func (e *RateLimitError) Seconds() int { return ratelimit.Seconds(e.RetryAfter) }

// limitKey names a rate limiter: of a person in a room, or, if person is empty,
// of everybody in the room.
type limitKey struct {
	room   store.RoomID
	person string
}

// takeToken counts a change against the person's and the room's rate limits. It
// returns nil or a *RateLimitError.
func (s *Service) takeToken(person string, room store.RoomID) error {
	l := s.c.Limits
	retryAfter, limitedBy := s.limiters.Take(
		ratelimit.Claim[limitKey]{Key: limitKey{room, person}, Limit: l.Person, Burst: l.PersonBurst},
		ratelimit.Claim[limitKey]{Key: limitKey{room: room}, Limit: l.Room, Burst: l.RoomBurst})
	if retryAfter > 0 {
		s.c.OnLimit([]string{"chat", "room-chat"}[limitedBy])
		return &RateLimitError{RetryAfter: retryAfter}
	}
	return nil
}
