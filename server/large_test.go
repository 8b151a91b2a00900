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

// TestLargeStep2IsAccepted checks documents larger than one message may be:
//
//   - a client that was offline sends its edits in one step 2, which is accepted;
//   - the same bytes as an update close the connection with 1013, so that the client syncs;
//   - a new client gets the document in several updates, none of which leaves anything
//     pending, and step 2 last.
func TestLargeStep2IsAccepted(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	doc := crdt.New(crdt.Options{ClientID: 1})
	for i := range 60 { // two Yjs clients, the second continues the first's text
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
		t.Fatalf("the document has %d bytes, want at least 2 MiB", len(state))
	}

	updating := s.dialYWebsocket(t, "r")
	sendUpdate(t, updating, state)
	for {
		_ = updating.SetReadDeadline(time.Now().Add(90 * time.Second))
		if _, _, err := updating.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, int(wire.CloseOverload)) {
				t.Errorf("an update of %d bytes: got %v, want close code 1013", len(state), err)
			}
			break
		}
	}

	reconnecting := s.dialYWebsocket(t, "r")
	if err := reconnecting.WriteMessage(websocket.BinaryMessage, wire.AppendStep2(nil, state)); err != nil {
		t.Fatal(err)
	}
	applyUntilEqual(t, reconnecting, crdt.New(crdt.Options{}), doc) // the echo says that the edits are durable

	joining := s.dialYWebsocket(t, "r")
	if err := joining.WriteMessage(websocket.BinaryMessage, wire.AppendStep1(nil, []byte{0})); err != nil {
		t.Fatal(err)
	}
	mirror := crdt.New(crdt.Options{})
	for parts := 0; ; {
		_ = joining.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := joining.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.DecodeBody(frame)
		if err != nil || !b.IsUpdate() {
			continue
		}
		parts++
		if _, err := mirror.ApplyUpdate(b.Payload); err != nil || mirror.HasPending() {
			t.Fatalf("part %d: pending %v, error %v", parts, mirror.HasPending(), err)
		}
		if b.Sync == ysync.Step2 {
			if parts < 4 {
				t.Errorf("%d bytes arrived in %d parts, want at least 4", len(state), parts)
			}
			break
		}
	}
	if string(mirror.EncodeStateAsUpdate(nil)) != string(state) {
		t.Error("the new client's document differs")
	}
}
