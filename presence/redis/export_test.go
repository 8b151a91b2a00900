package redis

// Crash ends the tracker as kill -9 does: Redis is told nothing.
func (t *Tracker) Crash() {
	t.mu.Lock()
	t.closed, t.degraded = true, true
	pubsub := t.pubsub
	t.mu.Unlock()
	t.stop()
	pubsub.Close()
	t.done.Wait()
	t.feed.Close()
	t.follow.Close()
	t.client.Close()
}

// Written tells whether nothing waits to be written.
func (t *Tracker) Written() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.degraded && len(t.dirty)+len(t.people) == 0
}

// RoomKey is where a room is kept under the default prefix.
func RoomKey(room string) string { return keys("weft").room(room) }
