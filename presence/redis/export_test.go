package redis

// Crash stops the tracker as kill -9 does: Redis is not told.
func (t *Tracker) Crash() {
	t.lease.mu.Lock()
	t.lease.degraded = true
	t.lease.mu.Unlock()
	t.shutDown()
	t.client.Close()
}

// QueueIsEmpty reports whether everything of this node is in Redis, or on its way.
func (t *Tracker) QueueIsEmpty() bool {
	t.mirror.mu.Lock()
	defer t.mirror.mu.Unlock()
	return !t.lease.isDegraded() && len(t.writer.conns)+len(t.writer.users) == 0
}

// RoomKey returns the key of a room under the default prefix.
func RoomKey(room string) string { return keys("weft").room(room) }
