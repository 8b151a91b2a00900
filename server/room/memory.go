package room

// roomMemory is what an open room takes besides its document, in bytes: measured
// with empty ones, the stack of its goroutine included.
const roomMemory = 11 << 10

// Memory returns how many bytes all open rooms take, as they are accounted.
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
	for _, e := range h.rooms {
		if e.unloading {
			used -= e.size()
		}
	}
	for used > most/6*5 && h.warm.Len() > 0 {
		e := h.warm.Front().Value.(*entry)
		used -= e.size()
		h.unload(e)
	}
	if used > most {
		h.hit("open-documents")
		return ErrMemory
	}
	return nil
}

// size is the accounted size of a room that is ready.
func (e *entry) size() int64 {
	if r := e.ready(); r != nil {
		return r.accounted.Load()
	}
	return 0
}

// ready is the room, nil if it is not loaded or could not be.
func (e *entry) ready() *Room {
	select {
	case <-e.loaded:
		return e.room
	default:
		return nil
	}
}
