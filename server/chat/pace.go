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
func (e *TooFast) Seconds() int { return pace.Seconds(e.Wait) }

// speaker is a person in a room, or with no person everybody there.
type speaker struct {
	room   store.RoomID
	person string
}

// paced holds the person and the room to their limits: it returns nil or a *TooFast.
func (s *Service) paced(person string, room store.RoomID) error {
	l := s.c.Limits
	wait, by := s.pace.Take(s.now(),
		pace.Claim[speaker]{Key: speaker{room, person}, Limit: l.Person, Burst: l.PersonAt},
		pace.Claim[speaker]{Key: speaker{room: room}, Limit: l.Room, Burst: l.RoomAt})
	if wait > 0 {
		s.c.Hit([]string{"chat", "room-chat"}[by])
		return &TooFast{Wait: wait}
	}
	return nil
}
