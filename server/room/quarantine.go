package room

import (
	"errors"
	"fmt"
	"time"

	"weft/server/store"
)

// ErrQuarantined says that what is stored of a room is damaged. It is not shown
// in part, nor as if it were empty, and nothing is written to it; other rooms
// have nothing to do with it.
var ErrQuarantined = errors.New("room: what is stored of it is damaged")

// quarantine of a room. It is looked at again from time to time: a backup may
// have been put back, or the disk have had a bad moment.
type quarantine struct {
	err   error
	wait  time.Duration
	until time.Time
}

const (
	firstQuarantine = 5 * time.Second
	lastQuarantine  = 5 * time.Minute
)

// inQuarantine returns why a room is not to be loaded now. mu is held.
func (h *Hub) inQuarantine(id store.RoomID) error {
	q := h.quarantined[id]
	if q == nil || !time.Now().Before(q.until) {
		return nil
	}
	return q.err
}

// judge puts a room into quarantine if err says that it is damaged, and
// returns the error for those who ask for it.
func (h *Hub) judge(id store.RoomID, err error) error {
	if !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	err = fmt.Errorf("%w: %w", ErrQuarantined, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.quarantined[id]
	if q == nil {
		q = &quarantine{}
		h.quarantined[id] = q
	}
	q.err = err
	q.wait = min(max(firstQuarantine, 2*q.wait), lastQuarantine)
	q.until = time.Now().Add(q.wait)
	return err
}

// sound takes a room that could be loaded out of quarantine.
func (h *Hub) sound(id store.RoomID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.quarantined, id)
}

// Quarantined returns how many rooms were found damaged.
func (h *Hub) Quarantined() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.quarantined)
}
