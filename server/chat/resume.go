package chat

import (
	"context"
	"crypto/rand"

	"weft/server/auth"
	"weft/server/store"
)

// Position is a point in a room's history, from which a client can catch up.
type Position struct {
	// Epoch names the history that the numbers belong to. Restoring a backup begins
	// a new history: the messages written after the backup are lost, and their numbers
	// are used again.
	Epoch string    `json:"epoch"`
	Rev   store.Rev `json:"lastRev"`
	Seq   store.Seq `json:"lastSeq"`
}

// EpochSetting is the key of the store's setting that holds the epoch.
const EpochSetting = "chat-epoch"

// NewEpoch makes a random epoch of 12 letters and digits.
func NewEpoch() ([]byte, error) { return []byte(rand.Text()[:12]), nil }

// Epoch returns Config.Epoch.
func (s *Service) Epoch() string { return s.c.Epoch }

// Position returns the end of a room's history. All changes up to it can be read:
// it may be behind the newest, never ahead. ErrForbidden: the reader may not read
// the room.
func (s *Service) Position(ctx context.Context, reader auth.Identity, room store.RoomID) (p Position, err error) {
	if reader.Role(string(room)) < auth.Read {
		return p, ErrForbidden
	}
	p.Epoch = s.c.Epoch
	if p.Seq, err = s.c.Store.LastSeq(ctx, room); err != nil {
		return p, err
	}
	p.Rev, err = s.c.Store.LastRev(ctx, room)
	return p, err
}
