package chat

import (
	"context"
	"crypto/rand"

	"weft/server/auth"
	"weft/server/store"
)

// Position is how far a room's chat has come, as a client remembers it.
type Position struct {
	// Epoch names this history. A restored backup is another one: what was
	// written after the backup is gone, and its numbers are given again.
	Epoch string    `json:"epoch"`
	Rev   store.Rev `json:"lastRev"`
	Seq   store.Seq `json:"lastSeq"`
}

// EpochSetting is the setting that holds the epoch.
const EpochSetting = "chat-epoch"

// NewEpoch makes one: letters and digits.
func NewEpoch() ([]byte, error) { return []byte(rand.Text()[:12]), nil }

// Epoch is Config.Epoch.
func (s *Service) Epoch() string { return s.c.Epoch }

// Position returns how far a room has come. All up to it can be read.
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
