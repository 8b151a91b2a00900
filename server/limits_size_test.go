package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/presence/awareness"
	"weft/server/wire"
)

// TestSizesAtEveryDoor checks in every dialect that a message of exactly the limit's size
// is accepted, and that a larger one by a byte is answered with the close code of the
// contract and counted.
func TestSizesAtEveryDoor(t *testing.T) {
	const message, answer, event = 4 << 10, 8 << 10, 2 << 10
	s := startServer(t, Config{Limit: map[string]string{"message": "4KiB", "answer": "8KiB", "event": "2KiB"}})
	insertion := func(n int) []byte {
		u, err := crdt.New(crdt.Options{ClientID: 1 << 20}).InsertText("t", 0, strings.Repeat("x", n))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, c := range map[string]struct {
		limit   int
		body    func(n int) []byte
		code    wire.CloseCode
		counted string
	}{
		"update": {message, func(n int) []byte { return wire.AppendUpdate(nil, insertion(n)) }, wire.CloseOverload, "message"},
		"step 2": {answer, func(n int) []byte { return wire.AppendStep2(nil, insertion(n)) }, wire.CloseTooLarge, "answer"},
		"state vector": {message, func(n int) []byte {
			sv := lib0.AppendUvarint(nil, uint64(n/3))
			for client := range uint64(n / 3) { // 3 bytes each
				sv = lib0.AppendUvarint(sv, 128+client)
				clock := uint64(1)
				if client == 0 { // fills up the remaining 0 to 2 bytes
					clock <<= 7 * (n % 3)
				}
				sv = lib0.AppendUvarint(sv, clock)
			}
			return wire.AppendStep1(nil, sv)
		}, wire.CloseTooLarge, "message"},
		"awareness": {event, func(n int) []byte {
			var states []awareness.State
			for id := uint64(1); n > 0; id++ { // the last state fills up the size
				pad := min(n, 1000)
				n -= pad
				states = append(states, awareness.State{ClientID: id, Clock: 1, JSON: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("x", pad))})
			}
			return wire.AppendAwareness(nil, awareness.Append(nil, states))
		}, wire.CloseTooLarge, "event"},
	} {
		for _, g := range doorDialects(t, "sizes") {
			for over := range 2 {
				t.Run(fmt.Sprint(name, " by ", g.name, " plus ", over), func(t *testing.T) {
					ws, _ := s.dialWebSocket(t, g.path, "", nil)
					before := s.limitCount(t, c.counted)
					frame := frameOfSize(t, c.limit+over, func(n int) []byte { return g.frame(c.body(n)) })
					ask := g.frame(wire.AppendStep1(nil, []byte{0}))
					want := 0
					if over == 1 {
						want = int(c.code)
					}
					if code := sendAndAwaitAnswer(t, ws, ask, string(g.frame([]byte{0, 1})), append(g.joinFrames, frame)...); code != want {
						t.Errorf("%d bytes: closed with %d, want %d", len(frame), code, want)
					}
					if n := s.limitCount(t, c.counted) - before; n != over {
						t.Errorf("%d bytes: counted %d times, want %d", len(frame), n, over)
					}
				})
			}
		}
	}
}

// TestSizesBeforeAuthentication checks that an unauthenticated connection may send a
// message as large as the limit "hello", and no larger.
func TestSizesBeforeAuthentication(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"hello": "1KiB"}})
	for over := range 2 {
		want := over * int(wire.CloseTooLarge)
		ws, _ := s.dialWebSocket(t, "/socket", "", nil)
		hello := frameOfSize(t, 1<<10+over, func(n int) []byte {
			body, err := wire.EncodeEvent("hello", map[string]string{"later": strings.Repeat("x", n)})
			if err != nil {
				t.Fatal(err)
			}
			return wire.AppendFrame(nil, 0, body)
		})
		ping, err := wire.EncodeEvent("ping", struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		if code := sendAndAwaitAnswer(t, ws, wire.AppendFrame(nil, 0, ping), "\x00\x10\x92\xa4pong", hello); code != want {
			t.Errorf("hello of the limit plus %d bytes: closed with %d, want %d", over, code, want)
		}
		ws, _ = s.dialWebSocket(t, "/hocuspocus", "", nil)
		token := frameOfSize(t, 1<<10+over, func(n int) []byte {
			return lib0.AppendVarString(append(wire.AppendAddress(nil, []byte("r")), byte(wire.TypeAuth), 0), strings.Repeat("x", n))
		})
		if code := sendAndAwaitAnswer(t, ws, []byte{byte(wire.TypePing)}, string([]byte{byte(wire.TypePong)}), token); code != want {
			t.Errorf("token message of the limit plus %d bytes: closed with %d, want %d", over, code, want)
		}
		if n := s.limitCount(t, "hello"); n != 2*over {
			t.Errorf("the limit plus %d bytes: counted %d times, want %d", over, n, 2*over)
		}
	}
}

// TestHocuspocusLimits checks the size of stateless messages and the number of documents,
// at the limit and over it.
func TestHocuspocusLimits(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"rooms": "2"}})
	pong := string([]byte{byte(wire.TypePong)})
	for over := range 2 {
		ws, _ := s.dialWebSocket(t, "/hocuspocus", "", nil)
		g := doorDialects(t, "r")[1]
		frame := g.frame(wire.AppendStateless(nil, []byte(strings.Repeat("x", 8<<10+over))))
		if code := sendAndAwaitAnswer(t, ws, []byte{byte(wire.TypePing)}, pong, append(g.joinFrames, frame)...); code != over*int(wire.CloseTooLarge) {
			t.Errorf("stateless message of 8 KiB plus %d bytes: closed with %d, want %d", over, code, over*int(wire.CloseTooLarge))
		}
	}
	ws, _ := s.dialWebSocket(t, "/hocuspocus", "", nil)
	for n := 1; n <= 3; n++ {
		g := doorDialects(t, fmt.Sprint("r", n))[1]
		want := string(g.frame([]byte{byte(wire.TypeAuth), 2}))
		if n == 3 {
			want = string(g.frame([]byte{byte(wire.TypeAuth), 1}))
		}
		if code := sendAndAwaitAnswer(t, ws, []byte{byte(wire.TypePing)}, want, g.joinFrames...); code != 0 {
			t.Errorf("document %d: closed with %d, want an answer", n, code)
		}
	}
}

// TestOversizedUnreadMessageIsCounted checks that a message is counted when it exceeds the
// WebSocket library's read limit, where the library closes the connection itself.
func TestOversizedUnreadMessageIsCounted(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"message": "1KiB", "event": "1KiB", "answer": "2KiB"}})
	for limit, c := range map[string]struct {
		path  string
		bytes int
	}{"answer": {"/ws/r", 100 << 10}, "hello": {"/socket", 3 << 20}} {
		ws, _ := s.dialWebSocket(t, c.path, "", nil)
		if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, c.bytes)); err != nil {
			t.Logf("%s: %v", limit, err) // closed while the message was written
		}
		waitUntil(t, limit+" is counted", func() bool { return s.limitCount(t, limit) == 1 })
	}
	if counts := s.otherLimitCounts("answer"); len(counts) != 1 || counts["hello"] != 1 {
		t.Errorf("other limits counted: %v, want hello once", counts)
	}
}
