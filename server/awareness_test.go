package server

import (
	"testing"
)

// TestClientReconnectsBeforeItsDeadConnectionIsNoticed checks who owns a Yjs client id when
// a second connection uses it. Without tokens the server cannot tell whether the second is
// the same person. So it pings the first connection, which keeps the client id if it
// answers; otherwise its state is removed and the second connection gets the client id.
func TestClientReconnectsBeforeItsDeadConnectionIsNoticed(t *testing.T) {
	s := startServer(t, Config{})
	watcher, dead, living := s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r")
	go func() { // the library answers pings only while it reads
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

	second := s.dialYWebsocket(t, "r")
	sendAwareness(t, second, 8, 2, `{"x":1}`)
	sendAwareness(t, second, 7, 2, `{"x":1}`)
	if st := readAwarenessOf(t, watcher, 7); !st.Gone() {
		t.Fatalf("the second connection's state was accepted: clock %d, %s", st.Clock, st.JSON)
	}
	sendAwareness(t, second, 7, 2, `{"x":2}`)
	if st := readAwarenessOf(t, watcher, 7); st.Clock != 2 {
		t.Errorf("after the dead connection was removed: got clock %d, %s; want clock 2", st.Clock, st.JSON)
	}
	sendAwareness(t, living, 8, 2, `{"x":3}`)
	if st := readAwarenessOf(t, watcher, 8); string(st.JSON) != `{"x":3}` {
		t.Errorf("the living connection has lost its client id: clock %d, %s", st.Clock, st.JSON)
	}
}
