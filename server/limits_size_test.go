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

// TestSizesAtEveryDoor: a message of the limit's size is taken, and one of a byte
// more is answered with the code of the contract, whichever door it comes through.
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
				if client == 0 { // 0 to 2 bytes more
					clock <<= 7 * (n % 3)
				}
				sv = lib0.AppendUvarint(sv, clock)
			}
			return wire.AppendStep1(nil, sv)
		}, wire.CloseTooLarge, "message"},
		"awareness": {event, func(n int) []byte {
			var states []awareness.State
			for id := uint64(1); n > 0; id++ { // the last one makes up the size
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
						t.Errorf("%d bytes: counted %d times", len(frame), n)
					}
				})
			}
		}
	}
}

// TestSizesOfStrangers: who has not said who they are may send as much as a hello
// or a token takes.
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
			t.Errorf("hello plus %d: closed with %d, want %d", over, code, want)
		}
		ws, _ = s.dialWebSocket(t, "/hocuspocus", "", nil)
		token := frameOfSize(t, 1<<10+over, func(n int) []byte {
			return lib0.AppendVarString(append(wire.AppendAddress(nil, []byte("r")), byte(wire.TypeAuth), 0), strings.Repeat("x", n))
		})
		if code := sendAndAwaitAnswer(t, ws, []byte{byte(wire.TypePing)}, string([]byte{byte(wire.TypePong)}), token); code != want {
			t.Errorf("token plus %d: closed with %d, want %d", over, code, want)
		}
		if n := s.limitCount(t, "hello"); n != 2*over {
			t.Errorf("plus %d: counted %d times", over, n)
		}
	}
}

// TestHocuspocusLimits: stateless messages and documents, at the limit and over it.
func TestHocuspocusLimits(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"rooms": "2"}})
	pong := string([]byte{byte(wire.TypePong)})
	for over := range 2 {
		ws, _ := s.dialWebSocket(t, "/hocuspocus", "", nil)
		g := doorDialects(t, "r")[1]
		frame := g.frame(wire.AppendStateless(nil, []byte(strings.Repeat("x", 8<<10+over))))
		if code := sendAndAwaitAnswer(t, ws, []byte{byte(wire.TypePing)}, pong, append(g.joinFrames, frame)...); code != over*int(wire.CloseTooLarge) {
			t.Errorf("stateless plus %d: closed with %d", over, code)
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
			t.Errorf("document %d: closed with %d", n, code)
		}
	}
}

// TestMessageThatIsNotReadIsCounted: so large a message is closed by the socket itself.
func TestOversizedUnreadMessageIsCounted(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"message": "1KiB", "event": "1KiB", "answer": "2KiB"}})
	for limit, c := range map[string]struct {
		path  string
		bytes int
	}{"answer": {"/ws/r", 100 << 10}, "hello": {"/socket", 3 << 20}} {
		ws, _ := s.dialWebSocket(t, c.path, "", nil)
		if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, c.bytes)); err != nil {
			t.Logf("%s: %v", limit, err) // it has been closed already
		}
		waitUntil(t, limit+" is counted", func() bool { return s.limitCount(t, limit) == 1 })
	}
	if others := s.otherLimitCounts("answer"); len(others) != 1 || others["hello"] != 1 {
		t.Errorf("counted as well: %v", others)
	}
}
