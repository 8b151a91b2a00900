package room

import (
	"testing"
	"testing/synctest"

	"weft/server/store"
	"weft/server/wire"
)

// TestEventsAtTheirLimit: a room that does not get round to its events takes as many
// as the limit has bytes, and the one that makes it more; another ends it, and its
// peers come back.
func TestEventsAtTheirLimit(t *testing.T) {
	e := newEvents()
	for range eventBytes / 1024 {
		if !e.put(make([]byte, 1024)) {
			t.Fatal("refused below the limit")
		}
	}
	if !e.put([]byte{1}) || e.bytes != eventBytes+1 {
		t.Errorf("refused at the limit, with %d bytes", e.bytes)
	}
	if e.put([]byte{2}) {
		t.Error("taken over the limit")
	}
	if got := e.take(); len(got) != eventBytes/1024+1 || !e.put([]byte{3}) {
		t.Errorf("%d events are taken out", len(got))
	}

	synctest.Test(t, func(t *testing.T) {
		h := diskHub(newDisk())
		r, release, err := h.Open(t.Context(), store.RoomID("r"))
		if err != nil {
			t.Fatal(err)
		}
		a := newListener()
		mustJoin(t, r, a)
		r.mu.Lock() // somebody works for the room, and for long
		for range eventBytes>>20 + 2 {
			r.Broadcast(make([]byte, 1<<20))
		}
		r.mu.Unlock()
		synctest.Wait()
		a.mu.Lock()
		if a.closed != wire.CloseOverload {
			t.Errorf("closed with %d", a.closed)
		}
		a.mu.Unlock()
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
