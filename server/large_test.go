package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/wire"
)

// TestLongOfflineSpellIsTaken: what a client wrote while it was away comes in one
// step 2, however large, and what is too large for one update sends the client
// back to sync. A large document reaches a newcomer in several messages, none of
// which has to wait for a later one, step 2 last.
func TestLargeStep2IsAccepted(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	doc := crdt.New(crdt.Options{ClientID: 1})
	for i := range 60 { // of two writers, who build on each other
		if i == 30 {
			other := crdt.New(crdt.Options{ClientID: 2})
			if _, err := other.ApplyUpdate(doc.EncodeStateAsUpdate(nil)); err != nil {
				t.Fatal(err)
			}
			doc = other
		}
		if _, err := doc.InsertText("t", i*20_000, strings.Repeat(fmt.Sprint(i%10), 50_000)); err != nil {
			t.Fatal(err)
		}
	}
	state := doc.EncodeStateAsUpdate(nil)
	if len(state) < 2<<20 {
		t.Fatalf("the document has %d bytes only", len(state))
	}

	bold := s.dialYWebsocket(t, "r")
	sendUpdate(t, bold, state)
	for {
		_ = bold.SetReadDeadline(time.Now().Add(90 * time.Second))
		if _, _, err := bold.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, int(wire.CloseOverload)) {
				t.Errorf("an update of %d bytes: %v", len(state), err)
			}
			break
		}
	}

	back := s.dialYWebsocket(t, "r")
	if err := back.WriteMessage(websocket.BinaryMessage, wire.AppendStep2(nil, state)); err != nil {
		t.Fatal(err)
	}
	applyUntilEqual(t, back, crdt.New(crdt.Options{}), doc) // the echo: it is on disk

	late := s.dialYWebsocket(t, "r")
	if err := late.WriteMessage(websocket.BinaryMessage, wire.AppendStep1(nil, []byte{0})); err != nil {
		t.Fatal(err)
	}
	mirror := crdt.New(crdt.Options{})
	for parts := 0; ; {
		_ = late.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := late.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.DecodeBody(frame)
		if err != nil || !b.IsUpdate() {
			continue
		}
		parts++
		if _, err := mirror.ApplyUpdate(b.Payload); err != nil || mirror.HasPending() {
			t.Fatalf("part %d: pending %v, %v", parts, mirror.HasPending(), err)
		}
		if b.Sync == ysync.Step2 {
			if parts < 4 {
				t.Errorf("%d bytes came in %d parts", len(state), parts)
			}
			break
		}
	}
	if string(mirror.EncodeStateAsUpdate(nil)) != string(state) {
		t.Error("the newcomer has another document")
	}
}
