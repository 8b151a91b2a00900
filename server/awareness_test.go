package server

import (
	"testing"
)

// TestClientComesBackBeforeItsOldConnectionIsFoundDead: without tokens nothing
// tells it from somebody else, so the old connection has to prove that it lives.
// One that does keeps the client.
func TestClientReconnectsBeforeItsDeadConnectionIsNoticed(t *testing.T) {
	s := startServer(t, Config{})
	watcher, dead, living := s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r")
	go func() { // reading is what answers pings
		for {
			if _, _, err := living.ReadMessage(); err != nil {
				return
			}
		}
	}()
	sendAwareness(t, living, 8, 1, `{}`)
	readAwarenessOf(t, watcher, 8)
	sendAwareness(t, dead, 7, 1, `{}`)
	readAwarenessOf(t, watcher, 7)

	again := s.dialYWebsocket(t, "r")
	sendAwareness(t, again, 8, 2, `{"x":1}`)
	sendAwareness(t, again, 7, 2, `{"x":1}`)
	if st := readAwarenessOf(t, watcher, 7); !st.Gone() {
		t.Fatalf("somebody else's word was taken: %d %s", st.Clock, st.JSON)
	}
	sendAwareness(t, again, 7, 2, `{"x":2}`)
	if st := readAwarenessOf(t, watcher, 7); st.Clock != 2 {
		t.Errorf("back again: %d %s", st.Clock, st.JSON)
	}
	sendAwareness(t, living, 8, 2, `{"x":3}`)
	if st := readAwarenessOf(t, watcher, 8); string(st.JSON) != `{"x":3}` {
		t.Errorf("the one that lives has lost its client: %d %s", st.Clock, st.JSON)
	}
}
