package room

import "time"

// Rooms returns how many rooms are open, with those that nobody uses.
func (h *Hub) Rooms() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rooms)
}

// Backlog returns how many bytes of updates are not durable yet, and how long ago the
// oldest of them was received.
func (h *Hub) Backlog() (bytes int, age time.Duration) { return h.journal.Backlog() }

// Pending returns in how many open rooms updates are pending (their dependencies are
// missing), and for how long in the room where they have been for longest.
func (h *Hub) Pending() (rooms int, longest time.Duration) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.rooms {
		r := e.ready()
		if r == nil {
			continue
		}
		if since := r.pendingSince.Load(); since != 0 {
			rooms++
			longest = max(longest, now.Sub(time.Unix(0, since)))
		}
	}
	return rooms, longest
}
