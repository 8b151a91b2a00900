package server

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// dialWebSocket asks for a WebSocket. It returns the connection and status 101, or nil
// and the status of the refusal.
func (s *testServer) dialWebSocket(t *testing.T, path, token string, header http.Header) (*websocket.Conn, int) {
	t.Helper()
	if token != "" {
		path += "?token=" + token
	}
	d := websocket.Dialer{}
	if strings.HasPrefix(path, "/socket") {
		d.Subprotocols = []string{wire.Subprotocol}
	}
	ws, resp, err := d.DialContext(t.Context(), "ws://"+s.host+path, header)
	if err != nil {
		if resp == nil {
			t.Fatal(err)
		}
		return nil, resp.StatusCode
	}
	t.Cleanup(func() { ws.Close() })
	return ws, http.StatusSwitchingProtocols
}

// asCloseError reports whether the error is a close frame, and stores it in to.
func asCloseError(err error, to **websocket.CloseError) bool {
	c, ok := err.(*websocket.CloseError)
	*to = c
	return ok
}

// dialYWebsocket opens a y-websocket connection as an unmodified client does.
func (s *testServer) dialYWebsocket(t *testing.T, room string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.host+"/ws/"+room, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// sendUpdate sends an update in the y-websocket dialect.
func sendUpdate(t *testing.T, ws *websocket.Conn, update []byte) {
	t.Helper()
	if err := ws.WriteMessage(websocket.BinaryMessage, wire.AppendUpdate(nil, update)); err != nil {
		t.Fatal(err)
	}
}

// applyUntilEqual applies the updates that arrive on the socket to mirror, until its
// state vector is that of doc. One frame may hold several updates, merged.
func applyUntilEqual(t *testing.T, ws *websocket.Conn, mirror, doc *crdt.Doc) {
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

// readUntilPrefix reads until a frame begins with want. It returns the error of the read if
// there is none, so a *websocket.CloseError if the connection was closed.
func readUntilPrefix(ws *websocket.Conn, want string) error {
	for {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := ws.ReadMessage()
		if err != nil || strings.HasPrefix(string(frame), want) {
			return err
		}
	}
}

// readCloseCode reads until the connection is closed. It returns the close code, or -1
// if there was no close frame.
func readCloseCode(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	for {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, _, err := ws.ReadMessage()
		if err == nil {
			continue
		}
		if c := (*websocket.CloseError)(nil); asCloseError(err, &c) {
			return c.Code
		}
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatal("the connection is still open after 90 s")
		}
		return -1
	}
}

// sendAwareness sends one awareness state in the y-websocket dialect.
func sendAwareness(t *testing.T, ws *websocket.Conn, id, clock uint64, json string) {
	t.Helper()
	body := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: id, Clock: clock, JSON: []byte(json)}}))
	if err := ws.WriteMessage(websocket.BinaryMessage, body); err != nil {
		t.Fatal(err)
	}
}

// readAwarenessOf reads until a state of that Yjs client arrives, and returns it.
func readAwarenessOf(t *testing.T, ws *websocket.Conn, id uint64) awareness.State {
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

// sendAndAwaitAnswer sends the frames and then a request, ask. It returns 0 once a frame
// that begins with answer arrives, or the close code if the connection is closed first.
func sendAndAwaitAnswer(t *testing.T, ws *websocket.Conn, ask []byte, answer string, frames ...[]byte) int {
	t.Helper()
	for _, f := range append(frames, ask) {
		if err := ws.WriteMessage(websocket.BinaryMessage, f); err != nil {
			break // closed already; the read below gets the close code
		}
	}
	_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
	for {
		_, frame, err := ws.ReadMessage()
		if closed := (*websocket.CloseError)(nil); err != nil {
			if !asCloseError(err, &closed) {
				t.Fatal(err)
			}
			return closed.Code
		}
		if strings.HasPrefix(string(frame), answer) {
			return 0
		}
	}
}

// frameOfSize makes a frame of exactly size bytes. frame(n) must grow by one byte when n
// grows by one, apart from longer length prefixes.
func frameOfSize(t *testing.T, size int, frame func(n int) []byte) []byte {
	t.Helper()
	for n := size; n >= 0; {
		f := frame(n)
		if len(f) == size {
			return f
		}
		n -= len(f) - size
	}
	t.Fatalf("cannot make a frame of %d bytes", size)
	return nil
}

// doorDialect is one dialect of the WebSocket door: how to join a room and frame a body.
type doorDialect struct {
	name       string
	path       string
	joinFrames [][]byte                 // the frames that join the room
	frame      func(body []byte) []byte // frames a body for the room
}

// doorDialects returns the y-websocket, Hocuspocus and native dialects, in this order.
func doorDialects(t *testing.T, room string) []doorDialect {
	t.Helper()
	event := func(name string, v any) []byte {
		body, err := wire.EncodeEvent(name, v)
		if err != nil {
			t.Fatal(err)
		}
		return wire.AppendFrame(nil, 0, body)
	}
	address := []byte(room)
	return []doorDialect{
		{name: "y-websocket", path: "/ws/" + room, frame: func(b []byte) []byte { return b }},
		{
			name: "Hocuspocus", path: "/hocuspocus",
			joinFrames: [][]byte{append(wire.AppendAddress(nil, address), "\x02\x00\x00\x054.8.0"...)},
			frame:      func(b []byte) []byte { return append(wire.AppendAddress(nil, address), b...) },
		},
		{
			name: "native", path: "/socket",
			joinFrames: [][]byte{event("hello", map[string]any{}), event("join", map[string]any{"channel": 1, "room": room})},
			frame:      func(b []byte) []byte { return wire.AppendFrame(nil, 1, b) },
		},
	}
}
