package room

import (
	"slices"
)

// Memory returns how many bytes the documents of all open rooms take, as they
// are accounted.
func (h *Hub) Memory() int64 { return h.memory.Load() }

// Rooms returns how many rooms are open, those that nobody is in included.
func (h *Hub) Rooms() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rooms)
}

// makeRoom sees to it that there is memory for one more room. mu is held.
//
// Rooms that nobody is in go first, those that were left longest ago before the
// others. What they take is free only once they have ended, so this closes as
// many as bring the sum below the mark, and no more while they end.
func (h *Hub) makeRoom() error {
	most, used := h.limits.Memory, h.memory.Load()
	if most == 0 || used <= most/6*5 {
		return nil
	}
	var idle []*entry
	for _, e := range h.rooms {
		switch {
		case e.unloading:
			used -= e.size()
		case e.refs == 0 && e.timer != nil:
			idle = append(idle, e)
		}
	}
	slices.SortFunc(idle, func(a, b *entry) int { return a.left.Compare(b.left) })
	for _, e := range idle {
		if used <= most/6*5 {
			break
		}
		used -= e.size()
		e.unloading = true
		e.timer.Stop()
		e.stop()
	}
	if used > most {
		return ErrMemory
	}
	return nil
}

// size is the accounted size of a room that is ready.
func (e *entry) size() int64 {
	select {
	case <-e.loaded:
		if e.room != nil {
			return e.room.accounted.Load()
		}
	default:
	}
	return 0
}
