package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"weft/crdt"
	"weft/server/wire"
)

// TestReaderThatStopsIsCaughtUp checks a client that stops reading while another one
// writes 12 MB, which is more than the TCP buffers hold. The server keeps a bounded queue,
// drops what has become superfluous, and catches the client up on the same connection
// when it reads again.
func TestReaderThatStopsIsCaughtUp(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	slow, writer := s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r")
	if err := slow.NetConn().(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	// The server sends step 1 when it has added the peer to the room. An update that is
	// written earlier would never reach this client, because it does not send step 1 itself.
	if err := readUntilPrefix(slow, string(wire.AppendStep1(nil, nil)[:2])); err != nil {
		t.Fatal(err)
	}
	doc := crdt.New(crdt.Options{ClientID: 1})
	echoes := crdt.New(crdt.Options{})
	chunk := strings.Repeat("x", 40<<10)
	const writes = 300
	for i := range writes {
		if i > 0 {
			u, err := doc.DeleteText("t", 0, len(chunk))
			if err != nil {
				t.Fatal(err)
			}
			sendUpdate(t, writer, u)
		}
		u, err := doc.InsertText("t", 0, chunk)
		if err != nil {
			t.Fatal(err)
		}
		sendUpdate(t, writer, u)
		if i%20 == 19 { // the writer reads its echoes, so that it does not fall behind itself
			applyUntilEqual(t, writer, echoes, doc)
		}
	}
	mirror := crdt.New(crdt.Options{})
	bytes := 0
	for string(mirror.EncodeStateVector()) != string(doc.EncodeStateVector()) {
		_ = slow.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := slow.ReadMessage()
		if err != nil {
			t.Fatalf("the slow connection was closed after %d bytes: %v", bytes, err)
		}
		bytes += len(frame)
		if b, err := wire.DecodeBody(frame); err == nil && b.IsUpdate() {
			if _, err := mirror.ApplyUpdate(b.Payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := mirror.Text("t").String(), doc.Text("t").String(); got != want {
		t.Errorf("got a text of %d characters, want the writer's %d", len(got), len(want))
	}
	if bytes > writes*len(chunk)*3/4 {
		t.Errorf("the slow client received %d bytes, want at most %d: nothing was dropped", bytes, writes*len(chunk)*3/4)
	}
	if n := s.readMetric(t, "weft_resyncs_total", "behind"); n < 1 {
		t.Error("weft_resyncs_total does not count the catch-up")
	}
}
