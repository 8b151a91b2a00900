package room

import (
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"weft/server/store"
)

// ErrQuarantined says that the stored data of a room is damaged. The room is refused: it
// is not shown in part or as if it were empty, and nothing is written to it. Other rooms
// are not affected.
var ErrQuarantined = errors.New("room: the stored room is damaged")

// quarantine refuses a damaged room for some time without reading it. After that one Open
// tries again, as a backup may have been restored, or the disk may have failed for a
// moment:
//
//	damaged ──▶ refused for 5 s ──▶ Open reads it ──sound──▶ served
//	                ▲                    │ damaged
//	                └── 10 s, 20 s … 5 min
type quarantine struct {
	err    error
	delays backoff.ExponentialBackOff
	until  time.Time
}

const (
	minQuarantine = 5 * time.Second
	maxQuarantine = 5 * time.Minute
)

// quarantineError returns why a room must not be loaded now, nil if it may. mu is held.
func (h *Hub) quarantineError(id store.RoomID) error {
	q := h.quarantined[id]
	if q == nil || !time.Now().Before(q.until) {
		return nil
	}
	return q.err
}

// quarantineIfDamaged quarantines a room if err is store.ErrCorrupt, and returns the error
// for the callers of Open.
func (h *Hub) quarantineIfDamaged(id store.RoomID, err error) error {
	if !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	err = fmt.Errorf("%w: %w", ErrQuarantined, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.quarantined[id]
	if q == nil {
		q = &quarantine{delays: backoff.ExponentialBackOff{InitialInterval: minQuarantine, Multiplier: 2, MaxInterval: maxQuarantine}}
		h.quarantined[id] = q
	}
	q.err = err
	q.until = time.Now().Add(q.delays.NextBackOff())
	return err
}

// liftQuarantine ends the quarantine of a room that could be loaded.
func (h *Hub) liftQuarantine(id store.RoomID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.quarantined, id)
}

// Quarantined returns how many rooms are quarantined.
func (h *Hub) Quarantined() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.quarantined)
}
