package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/server/wire"
)

// stock opens a y-websocket connection as an unmodified client would.
func (s *site) stock(t *testing.T, room string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.host+"/ws/"+room, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// TestReaderThatStopsIsCaughtUp: one client reads nothing while another
// overwrites a value with 12 MB, which is more than the sockets between hold. The server keeps a bounded queue for it, and
// brings it up to date when it reads again, on the same connection.
func TestReaderThatStopsIsCaughtUp(t *testing.T) {
	s := run(t, Config{Limits: "lab"})
	slow, writer := s.stock(t, "r"), s.stock(t, "r")
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
			write(t, writer, u)
		}
		u, err := doc.InsertText("t", 0, chunk)
		if err != nil {
			t.Fatal(err)
		}
		write(t, writer, u)
		if i%20 == 19 { // the writer reads its echoes, so that it is not slow itself
			drainUntil(t, writer, echoes, doc)
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
	if n := s.metric(t, "weft_resyncs_total", "behind"); n < 1 {
		t.Error("that it was caught up is not counted")
	}
}

func write(t *testing.T, ws *websocket.Conn, update []byte) {
	t.Helper()
	if err := ws.WriteMessage(websocket.BinaryMessage, wire.AppendUpdate(nil, update)); err != nil {
		t.Fatal(err)
	}
}

// drainUntil reads what comes back, many updates in one frame perhaps, until
// mirror has all of doc.
func drainUntil(t *testing.T, ws *websocket.Conn, mirror, doc *crdt.Doc) {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
	for string(mirror.EncodeStateVector()) != string(doc.EncodeStateVector()) {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := wire.DecodeBody(frame); err == nil && b.IsUpdate() {
			if _, err := mirror.ApplyUpdate(b.Payload); err != nil {
				t.Fatal(err)
			}
		}
	}
}
