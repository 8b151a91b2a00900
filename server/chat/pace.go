package chat

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"weft/server/pace"
	"weft/server/store"
)

// Limits of how fast a room is written to, over all doors and connections
// together. rate.Inf and 0 are any.
type Limits struct {
	Person      rate.Limit // of one person in one room
	PersonBurst int        // burst
	Room        rate.Limit // of everybody in one room
	RoomBurst   int        // burst
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits { return Limits{Person: 5, PersonBurst: 10, Room: 100, RoomBurst: 300} }

// LabLimits lift them, for load tests.
func LabLimits() Limits {
	return Limits{Person: rate.Inf, PersonBurst: 10, Room: rate.Inf, RoomBurst: 300}
}

// RateLimitError refuses what comes too fast. Nothing has happened; after Wait there is
// room for one more.
type RateLimitError struct{ Wait time.Duration }

func (e *RateLimitError) Error() string {
	return fmt.Sprintf("chat: too many messages: wait %d s, then send it again", e.Seconds())
}

// Seconds are Wait, rounded up, at least 1.
func (e *RateLimitError) Seconds() int { return pace.Seconds(e.Wait) }

// speaker is a person in a room, or with no person everybody there.
type speaker struct {
	room   store.RoomID
	person string
}

// paced holds the person and the room to their limits: it returns nil or a *RateLimitError.
func (s *Service) paced(person string, room store.RoomID) error {
	l := s.c.Limits
	wait, by := s.pace.Take(s.now(),
		pace.Claim[speaker]{Key: speaker{room, person}, Limit: l.Person, Burst: l.PersonBurst},
		pace.Claim[speaker]{Key: speaker{room: room}, Limit: l.Room, Burst: l.RoomBurst})
	if wait > 0 {
		s.c.OnLimit([]string{"chat", "room-chat"}[by])
		return &RateLimitError{Wait: wait}
	}
	return nil
}
