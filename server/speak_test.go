package server

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/presence/awareness"
	"weft/server/wire"
)

func say(t *testing.T, ws *websocket.Conn, id, clock uint64, json string) {
	t.Helper()
	body := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: id, Clock: clock, JSON: []byte(json)}}))
	if err := ws.WriteMessage(websocket.BinaryMessage, body); err != nil {
		t.Fatal(err)
	}
}

// hears reads until a state of the client comes.
func hears(t *testing.T, ws *websocket.Conn, id uint64) awareness.State {
	t.Helper()
	for {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.DecodeBody(frame)
		if err != nil || b.Type != wire.TypeAwareness {
			continue
		}
		states, err := awareness.Decode(b.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range states {
			if st.ClientID == id {
				return st
			}
		}
	}
}

// TestClientComesBackBeforeItsOldConnectionIsFoundDead: without tokens nothing
// tells it from somebody else, so the old connection has to prove that it lives.
// One that does keeps the client.
func TestClientComesBackBeforeItsOldConnectionIsFoundDead(t *testing.T) {
	s := run(t, Config{})
	watcher, dead, living := s.stock(t, "r"), s.stock(t, "r"), s.stock(t, "r")
	go func() { // reading is what answers pings
		for {
			if _, _, err := living.ReadMessage(); err != nil {
				return
			}
		}
	}()
	say(t, living, 8, 1, `{}`)
	hears(t, watcher, 8)
	say(t, dead, 7, 1, `{}`)
	hears(t, watcher, 7)

	again := s.stock(t, "r")
	say(t, again, 8, 2, `{"x":1}`)
	say(t, again, 7, 2, `{"x":1}`)
	if st := hears(t, watcher, 7); !st.Gone() {
		t.Fatalf("somebody else's word was taken: %d %s", st.Clock, st.JSON)
	}
	say(t, again, 7, 2, `{"x":2}`)
	if st := hears(t, watcher, 7); st.Clock != 2 {
		t.Errorf("back again: %d %s", st.Clock, st.JSON)
	}
	say(t, living, 8, 2, `{"x":3}`)
	if st := hears(t, watcher, 8); string(st.JSON) != `{"x":3}` {
		t.Errorf("the one that lives has lost its client: %d %s", st.Clock, st.JSON)
	}
}
