package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"weft/crdt"
	"weft/server/wire"
)

// TestReaderThatStopsIsCaughtUp: one client reads nothing while another
// overwrites a value with 12 MB, which is more than the sockets between hold. The server keeps a bounded queue for it, and
// brings it up to date when it reads again, on the same connection.
func TestReaderThatStopsIsCaughtUp(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	slow, writer := s.dialYWebsocket(t, "r"), s.dialYWebsocket(t, "r")
	if err := slow.NetConn().(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
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
		if i%20 == 19 { // the writer reads its echoes, so that it is not slow itself
			applyUntilEqual(t, writer, echoes, doc)
		}
	}
	mirror := crdt.New(crdt.Options{})
	bytes := 0
	for string(mirror.EncodeStateVector()) != string(doc.EncodeStateVector()) {
		_ = slow.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := slow.ReadMessage()
		if err != nil {
			t.Fatalf("the slow connection ended after %d bytes: %v", bytes, err)
		}
		bytes += len(frame)
		if b, err := wire.DecodeBody(frame); err == nil && b.IsUpdate() {
			if _, err := mirror.ApplyUpdate(b.Payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := mirror.Text("t").String(), doc.Text("t").String(); got != want {
		t.Errorf("%d characters, want %d", len(got), len(want))
	}
	if bytes > writes*len(chunk)*3/4 {
		t.Errorf("%d bytes were kept for it: nothing was let go of", bytes)
	}
	if n := s.readMetric(t, "weft_resyncs_total", "behind"); n < 1 {
		t.Error("that it was caught up is not counted")
	}
}
