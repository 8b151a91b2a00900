package room

import (
	"strings"
	"testing"
	"testing/synctest"

	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// news is an event of any size.
type news struct {
	Text string `json:"text"`
}

func (news) EventName() string { return "news" }

// newsOf returns an event whose native form has size bytes.
func newsOf(size int) *event.Encoded {
	e := event.New(news{strings.Repeat("x", size)})
	return event.New(news{strings.Repeat("x", 2*size-len(e.Native()))})
}

// TestEventsAtTheirLimit: the event queue accepts events up to its limit and the one that
// exceeds it. One more ends the room, and its peers reconnect.
func TestEventsAtTheirLimit(t *testing.T) {
	e := newEventQueue()
	for range maxEventBytes / 1024 {
		if !e.put(queuedEvent{event: newsOf(1024)}, maxEventBytes) {
			t.Fatal("an event was refused below the limit")
		}
	}
	if !e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) || e.bytes != maxEventBytes+100 {
		t.Errorf("the event that exceeds the limit was refused, with %d bytes queued", e.bytes)
	}
	if e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) {
		t.Error("an event was accepted above the limit")
	}
	if got := e.take(); len(got) != maxEventBytes/1024+1 || !e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) {
		t.Errorf("take returned %d events", len(got))
	}

	synctest.Test(t, func(t *testing.T) {
		h := diskHub(newDisk())
		r, release, err := h.Open(t.Context(), store.RoomID("r"))
		if err != nil {
			t.Fatal(err)
		}
		a := newListener()
		mustJoin(t, r, a)
		r.mu.Lock() // another goroutine works for the room for long
		for range maxEventBytes>>20 + 2 {
			r.Broadcast(newsOf(1 << 20))
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
