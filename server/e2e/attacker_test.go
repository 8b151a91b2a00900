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

// An attacker is a bare socket.
type attacker struct {
	t      *testing.T
	conn   *websocket.Conn
	closed chan int    // gets the close code, or -1, when the socket has ended
	came   chan []byte // the last frames that came, as far as there is room
}

// attack opens a socket at path.
func attack(t *testing.T, p *process, path string) *attacker {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	if path == "/socket" {
		dialer.Subprotocols = []string{"weft.1"}
	}
	conn, _, err := dialer.DialContext(t.Context(), "ws://"+p.host+path, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", path, err)
	}
	a := &attacker{t: t, conn: conn, closed: make(chan int, 1), came: make(chan []byte, 256)}
	t.Cleanup(func() { conn.Close() })
	go a.read()
	return a
}

func (a *attacker) read() {
	for {
		_, frame, err := a.conn.ReadMessage()
		if err != nil {
			code := -1
			if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
				code = closed.Code
			}
			a.closed <- code
			return
		}
		select {
		case a.came <- frame:
		default:
		}
	}
}

// send sends a message. The server may have closed the socket already.
func (a *attacker) send(kind int, data []byte) {
	a.conn.SetWriteDeadline(time.Now().Add(patience))
	a.conn.WriteMessage(kind, data)
}

// ended waits for the close code.
func (a *attacker) ended() int {
	a.t.Helper()
	select {
	case code := <-a.closed:
		return code
	case <-time.After(patience):
		a.t.Error("the socket stays open")
		return 0
	}
}

// stays asks something that has an answer, and fails the test unless it comes.
func (a *attacker) stays(ask []byte, answers func(frame []byte) bool) {
	a.t.Helper()
	if code := a.ask(ask, answers); code != open {
		a.t.Errorf("closed with %d", code)
	}
}

// ask asks something and waits for the answer, or for the close code.
func (a *attacker) ask(ask []byte, answers func(frame []byte) bool) (code int) {
	a.t.Helper()
	a.send(websocket.BinaryMessage, ask)
	deadline := time.After(patience)
	for {
		select {
		case frame := <-a.came:
			if answers(frame) {
				return open
			}
		case code := <-a.closed:
			return code
		case <-deadline:
			a.t.Fatal("no answer")
		}
	}
}

// A bystander works in a room together with a second one, while others attack.
type bystander struct {
	one, other *client
	n          int
}

func newBystander(t *testing.T, p *process, room string) *bystander {
	t.Helper()
	b := &bystander{one: newClient(t, room, 1001), other: newClient(t, room, 1002)}
	for _, c := range []*client{b.one, b.other} {
		if err := c.connect(p); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// works writes a line that must be acked, and must reach the other one.
func (b *bystander) works(t *testing.T) {
	t.Helper()
	b.n++
	acked := make(chan struct{})
	ok := b.one.edit(func(doc *crdt.Doc) ([]byte, error) {
		return doc.SetMap("bystander", "n", b.n)
	}, func() { close(acked) })
	if !ok {
		t.Fatalf("the bystander's socket was closed with %d", b.one.closeCode())
	}
	deadline := time.After(patience)
	select {
	case <-acked:
	case <-b.one.over:
		t.Fatalf("the bystander's socket was closed with %d", b.one.closeCode())
	case <-deadline:
		t.Fatal("the bystander's edit is not acked")
	}
	want := fmt.Sprintf(`"n":%d`, b.n)
	for !b.other.sees(want) {
		select {
		case <-time.After(time.Millisecond):
		case <-b.other.over:
			t.Fatalf("the other bystander's socket was closed with %d", b.other.closeCode())
		case <-deadline:
			t.Fatalf("the other bystander does not see the edit")
		}
	}
}

// Frames of the y-websocket dialect.

func step1(sv []byte) []byte { return ysync.AppendStep1([]byte{typeSync}, sv) }

func update(payload []byte) []byte { return ysync.AppendUpdate([]byte{typeSync}, payload) }

func isStep2(frame []byte) bool {
	return len(frame) > 1 && frame[0] == typeSync && frame[1] == ysync.Step2
}

// Frames of the native dialect.

func onChannel(channel uint64, body []byte) []byte {
	return append(lib0.AppendUvarint(nil, channel), body...)
}

func event(t *testing.T, channel uint64, name string, fields map[string]any) []byte {
	t.Helper()
	data, err := msgpack.Marshal([]any{name, fields})
	if err != nil {
		t.Fatal(err)
	}
	return onChannel(channel, append([]byte{0x10}, data...))
}

// join opens a native socket that has joined the room on channel 1.
func join(t *testing.T, p *process, room string) *attacker {
	t.Helper()
	a := attack(t, p, "/socket")
	a.stays(event(t, 0, "hello", map[string]any{}), isEvent(0, "welcome"))
	a.stays(event(t, 0, "join", map[string]any{"channel": 1, "room": room}), isEvent(1, "joined"))
	return a
}

// isEvent recognises an event by channel and name.
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

// handshake asks for a WebSocket at exactly this request target, and returns
// the status of the answer.
func handshake(t *testing.T, p *process, target string, header http.Header) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", p.host, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
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
