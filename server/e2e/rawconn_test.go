package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/crdt/ysync"
)

// A rawConn is a bare WebSocket: tests choose every byte that it sends.
type rawConn struct {
	t         *testing.T
	conn      *websocket.Conn
	closeCode chan int    // receives the close code, or -1 if there was no close frame
	frames    chan []byte // the frames that arrived; further ones are dropped while it is full
}

// dialRaw opens a WebSocket at path.
func dialRaw(t *testing.T, p *process, path string) *rawConn {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: timeout}
	if path == "/socket" {
		dialer.Subprotocols = []string{"weft.1"}
	}
	conn, _, err := dialer.DialContext(t.Context(), "ws://"+p.host+path, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", path, err)
	}
	a := &rawConn{t: t, conn: conn, closeCode: make(chan int, 1), frames: make(chan []byte, 256)}
	t.Cleanup(func() { conn.Close() })
	go a.read()
	return a
}

func (a *rawConn) read() {
	for {
		_, frame, err := a.conn.ReadMessage()
		if err != nil {
			code := -1
			if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
				code = closed.Code
			}
			a.closeCode <- code
			return
		}
		select {
		case a.frames <- frame:
		default:
		}
	}
}

// send sends a message. It ignores errors, because the server may have closed the
// connection already.
func (a *rawConn) send(kind int, data []byte) {
	a.conn.SetWriteDeadline(time.Now().Add(timeout))
	a.conn.WriteMessage(kind, data)
}

// waitForClose waits until the connection is closed and returns the close code.
func (a *rawConn) waitForClose() int {
	a.t.Helper()
	select {
	case code := <-a.closeCode:
		return code
	case <-time.After(timeout):
		a.t.Errorf("the connection is still open after %s", timeout)
		return 0
	}
}

// wantAnswer sends a request and fails the test if the connection is closed before an
// answer arrives.
func (a *rawConn) wantAnswer(ask []byte, answers func(frame []byte) bool) {
	a.t.Helper()
	if code := a.sendAndWait(ask, answers); code != notClosed {
		a.t.Errorf("closed with %d, want an answer", code)
	}
}

// sendAndWait sends a request. It returns notClosed once an answer arrives, or the close
// code if the connection is closed first.
func (a *rawConn) sendAndWait(ask []byte, answers func(frame []byte) bool) (code int) {
	a.t.Helper()
	a.send(websocket.BinaryMessage, ask)
	deadline := time.After(timeout)
	for {
		select {
		case frame := <-a.frames:
			if answers(frame) {
				return notClosed
			}
		case code := <-a.closeCode:
			return code
		case <-deadline:
			a.t.Fatalf("no answer after %s", timeout)
		}
	}
}

// A bystander is two clients that work in a room while other connections attack.
type bystander struct {
	author, reader *client
	edits          int
}

func newBystander(t *testing.T, p *process, room string) *bystander {
	t.Helper()
	b := &bystander{author: newClient(t, room, 1001), reader: newClient(t, room, 1002)}
	for _, c := range []*client{b.author, b.reader} {
		if err := c.connect(p); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// checkWorks makes an edit that must be acked, and must reach the second client.
func (b *bystander) checkWorks(t *testing.T) {
	t.Helper()
	b.edits++
	acked := make(chan struct{})
	ok := b.author.edit(func(doc *crdt.Doc) ([]byte, error) {
		return doc.SetMap("bystander", "n", b.edits)
	}, func() { close(acked) })
	if !ok {
		t.Fatalf("the bystander's connection was closed with %d", b.author.closeCode())
	}
	deadline := time.After(timeout)
	select {
	case <-acked:
	case <-b.author.ended:
		t.Fatalf("the bystander's connection was closed with %d", b.author.closeCode())
	case <-deadline:
		t.Fatal("the bystander's edit is not acked")
	}
	want := fmt.Sprintf(`"n":%d`, b.edits)
	for !b.reader.contains(want) {
		select {
		case <-time.After(time.Millisecond):
		case <-b.reader.ended:
			t.Fatalf("the second bystander's connection was closed with %d", b.reader.closeCode())
		case <-deadline:
			t.Fatalf("the edit has not reached the second bystander after %s", timeout)
		}
	}
}

// Frames of the y-websocket dialect.

func step1Frame(sv []byte) []byte { return ysync.AppendStep1([]byte{typeSync}, sv) }

func updateFrame(payload []byte) []byte { return ysync.AppendUpdate([]byte{typeSync}, payload) }

func isStep2(frame []byte) bool {
	return len(frame) > 1 && frame[0] == typeSync && frame[1] == ysync.Step2
}

// Frames of the native dialect.

func onChannel(channel uint64, body []byte) []byte {
	return append(lib0.AppendUvarint(nil, channel), body...)
}

func eventFrame(t *testing.T, channel uint64, name string, fields map[string]any) []byte {
	t.Helper()
	data, err := msgpack.Marshal([]any{name, fields})
	if err != nil {
		t.Fatal(err)
	}
	return onChannel(channel, append([]byte{0x10}, data...))
}

// joinNative opens a native connection and joins the room on channel 1.
func joinNative(t *testing.T, p *process, room string) *rawConn {
	t.Helper()
	a := dialRaw(t, p, "/socket")
	a.wantAnswer(eventFrame(t, 0, "hello", map[string]any{}), isEvent(0, "welcome"))
	a.wantAnswer(eventFrame(t, 0, "join", map[string]any{"channel": 1, "room": room}), isEvent(1, "joined"))
	return a
}

// isEvent returns a function that reports whether a frame is that event on that channel.
func isEvent(channel byte, name string) func([]byte) bool {
	return func(frame []byte) bool {
		if len(frame) < 2 || frame[0] != channel || frame[1] != 0x10 {
			return false
		}
		var e []msgpack.RawMessage
		var got string
		if msgpack.Unmarshal(frame[2:], &e) != nil || len(e) < 2 || msgpack.Unmarshal(e[0], &got) != nil {
			return false
		}
		return got == name
	}
}

// requestUpgrade asks for a WebSocket at exactly this request target, without cleaning or
// encoding it, and returns the status of the response.
func requestUpgrade(t *testing.T, p *process, target string, header http.Header) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", p.host, timeout)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(timeout))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", target, p.host)
	header.Write(conn)
	fmt.Fprint(conn, "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
