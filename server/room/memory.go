package room

import "errors"

// ErrMemory says that no more rooms can be opened at the moment: try again later.
var ErrMemory = errors.New("room: the open rooms have reached their memory limit")

// roomMemory is what an open room takes besides its document, in bytes. It was measured
// with empty rooms, the stacks of their goroutines included.
const roomMemory = 11 << 10

// Memory returns how many bytes all open rooms take, by the documents' own accounting.
func (h *Hub) Memory() int64 { return h.memory.Load() }

// freeMemory makes sure that there is memory for one more room, or returns ErrMemory. mu is
// held.
//
// It unloads rooms that nobody uses, the longest unused first, until the sum is below 5/6 of
// the limit. The memory of an unloaded room is free only once the room has ended. It is
// counted as free before that, so that no more rooms than needed are unloaded.
func (h *Hub) freeMemory() error {
	limit, used := h.limits.Memory, h.memory.Load()
	if limit == 0 || used <= limit/6*5 {
		return nil
	}
	for _, e := range h.rooms {
		if e.unloading {
			used -= e.size()
		}
	}
	for used > limit/6*5 && h.unused.Len() > 0 {
		e := h.unused.Front().Value.(*entry)
		used -= e.size()
		h.unload(e)
	}
	if used > limit {
		h.onLimit("open-documents")
		return ErrMemory
	}
	return nil
}

// size returns the accounted bytes of a room that is loaded, 0 otherwise.
func (e *entry) size() int64 {
	if r := e.ready(); r != nil {
		return r.accounted.Load()
	}
	return 0
}

// ready returns the room, nil if it is not loaded yet or could not be.
func (e *entry) ready() *Room {
	select {
	case <-e.loaded:
		return e.room
	default:
		return nil
	}
}
