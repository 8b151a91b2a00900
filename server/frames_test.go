package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// hostileFrames is the number of random frames, and of mutated ones, that each door
// gets. WEFT_HOSTILE sets it; go tool check sends 10,000.
func hostileFrames(t *testing.T) int {
	text := os.Getenv("WEFT_HOSTILE")
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// errorLog keeps log records of level Error. A recovered panic is one.
type errorLog struct {
	mu       sync.Mutex
	messages []string
}

func (*errorLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (a *errorLog) WithAttrs([]slog.Attr) slog.Handler         { return a }
func (a *errorLog) WithGroup(string) slog.Handler              { return a }
func (a *errorLog) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(at slog.Attr) bool { text.WriteString(" " + at.String()); return true })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.messages = append(a.messages, text.String())
	return nil
}

// sampleBodies returns one valid body of each kind that clients send.
func sampleBodies(t *testing.T) [][]byte {
	t.Helper()
	must := func(u []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	doc := crdt.New(crdt.Options{ClientID: 77})
	all := [][]byte{
		wire.AppendUpdate(nil, must(doc.InsertText("evil", 0, "hello, 漢字 and 😀"))),
		wire.AppendUpdate(nil, must(doc.DeleteText("evil", 2, 6))),
		wire.AppendUpdate(nil, must(doc.SetMap("evil map", "key", map[string]any{"a": []any{1, "b"}}))),
		wire.AppendStep2(nil, doc.EncodeStateAsUpdate(nil)),
		wire.AppendStep1(nil, doc.EncodeStateVector()),
		wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 77, Clock: 1, JSON: []byte(`{"user":{"name":"Mallory","color":"#123456"},"cursor":null}`)}})),
		{byte(wire.TypeQueryAwareness)},
		wire.AppendStateless(nil, []byte("hello")),
		append([]byte{byte(wire.TypeAuth), 0}, "\x03abc\x054.8.0"...),
		{byte(wire.TypeClose)},
		wire.AppendSyncStatus(nil, wire.SyncApplied),
	}
	chat, err := wire.EncodeEvent("send", map[string]any{"id": "m", "text": "hi @ben"})
	if err != nil {
		t.Fatal(err)
	}
	return append(all, chat)
}

// mutateFrame damages a frame in one or two places, partly with pieces of other.
func mutateFrame(rng *rand.Rand, frame, other []byte) []byte {
	b := bytes.Clone(frame)
	for range 1 + rng.IntN(2) {
		if len(b) == 0 {
			return b
		}
		at := rng.IntN(len(b))
		switch rng.IntN(7) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1:
			b[at] = byte(rng.Uint32())
		case 2:
			b = b[:at]
		case 3:
			b = slices.Insert(b, at, byte(rng.Uint32()))
		case 4:
			b = slices.Delete(b, at, min(len(b), at+1+rng.IntN(4)))
		case 5: // a length or count that is too large
			b = slices.Replace(b, at, at+1, 0xff, 0xff, 0xff, 0xff, 0x0f)
		case 6:
			b = append(b[:at], other[rng.IntN(len(other)+1):]...)
		}
	}
	return b
}

// randomFrame returns random bytes: mostly framed for the dialect, half of them with a
// valid type.
func randomFrame(rng *rand.Rand, g doorDialect) []byte {
	b := make([]byte, rng.IntN(64))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if len(b) > 0 && rng.IntN(2) == 0 {
		b[0] = byte(rng.IntN(18)) // a type
	}
	if rng.IntN(4) > 0 {
		return g.frame(b)
	}
	return b
}

// attacker sends hostile frames through one dialect and reconnects whenever the server
// closes the connection.
type attacker struct {
	t         *testing.T
	server    *testServer
	door      doorDialect
	ws        *websocket.Conn
	closeCode chan int // the close code
	answers   chan struct{}
	codes     map[int]int
}

// connect opens a connection, joins the room, and starts to read.
func (h *attacker) connect() {
	h.t.Helper()
	d := websocket.Dialer{}
	if h.door.path == "/socket" {
		d.Subprotocols = []string{wire.Subprotocol}
	}
	ws, _, err := d.DialContext(h.t.Context(), "ws://"+h.server.host+h.door.path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.ws, h.closeCode, h.answers = ws, make(chan int, 1), make(chan struct{}, 1000)
	go func(ended chan<- int, asked chan<- struct{}) {
		for {
			_, frame, err := ws.ReadMessage()
			if err != nil {
				code := -1
				var closed *websocket.CloseError
				if errors.As(err, &closed) {
					code = closed.Code
				}
				ended <- code
				return
			}
			// Step 2 is the answer to waitForAnswer's step 1.
			body := frame
			if prefix := h.door.frame(nil); bytes.HasPrefix(frame, prefix) {
				body = frame[len(prefix):]
			}
			if len(body) > 1 && body[0] == 0 && body[1] == 1 {
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
	}(h.closeCode, h.answers)
	for _, f := range h.door.joinFrames {
		h.send(f)
	}
}

func (h *attacker) send(frame []byte) {
	_ = h.ws.SetWriteDeadline(time.Now().Add(20 * time.Second))
	_ = h.ws.WriteMessage(websocket.BinaryMessage, frame) // may fail: the connection may be closed
}

// waitForAnswer waits until the server has handled all frames that were sent: until it
// answers a step 1, or closes the connection. A frame may have closed a Hocuspocus
// document, which then answers nothing, so the document is joined again first.
func (h *attacker) waitForAnswer() {
	h.t.Helper()
	for len(h.answers) > 0 {
		<-h.answers
	}
	if h.door.path == "/hocuspocus" {
		h.send(h.door.joinFrames[0])
	}
	h.send(h.door.frame(wire.AppendStep1(nil, []byte{0})))
	select {
	case <-h.answers:
		return
	case code := <-h.closeCode:
		h.codes[code]++
		h.ws.Close()
		h.connect()
	case <-time.After(90 * time.Second):
		h.t.Fatalf("%s: neither an answer nor a close frame after 90 s", h.door.name)
	}
}

// TestHostileFrames checks that malformed frames close at most the connection that sent
// them, with a close code of the contract, at every door. Two other connections in the
// room must keep working, the room must stay loadable, and no error may be logged.
func TestHostileFrames(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	log := &errorLog{}
	s := startServer(t, Config{Limits: "lab", Log: slog.New(log)})
	const room = "hostile"
	one, other := s.dialYWebsocket(t, room), s.dialYWebsocket(t, room)
	// This client id must not occur in sampleBodies: a mutated frame that names it could
	// legally delete this client's text.
	doc := crdt.New(crdt.Options{ClientID: 0xb57a_4de5})
	mirrors := map[*websocket.Conn]*crdt.Doc{one: crdt.New(crdt.Options{}), other: crdt.New(crdt.Options{})}
	// checkBystanders inserts a character through one connection. Both must receive it.
	checkBystanders := func() {
		t.Helper()
		u, err := doc.InsertText("bystander", 0, "x")
		if err != nil {
			t.Fatal(err)
		}
		sendUpdate(t, one, u)
		for ws, mirror := range mirrors {
			// One deadline for all frames, because frames of the attack arrive all the time.
			_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
			for mirror.Text("bystander").String() != doc.Text("bystander").String() {
				_, frame, err := ws.ReadMessage()
				if err != nil {
					t.Fatalf("a bystander's connection was closed: %v", err)
				}
				if b, err := wire.DecodeBody(frame); err == nil && b.IsUpdate() {
					if _, err := mirror.ApplyUpdate(b.Payload); err != nil {
						t.Fatalf("a bystander received an invalid update: %v", err)
					}
				}
			}
		}
	}
	messages := sampleBodies(t)
	contract := []int{1009, 4400, 4401, 4403, 4408, 4413, 4429}
	n := hostileFrames(t)
	for _, g := range doorDialects(t, room) {
		rng := rand.New(rand.NewPCG(seed, uint64(len(g.name))))
		for _, kind := range []string{"malformed", "mutated"} {
			h := &attacker{t: t, server: s, door: g, codes: map[int]int{}}
			h.connect()
			for i := range n {
				if kind == "malformed" {
					h.send(randomFrame(rng, g))
				} else {
					pick := func() []byte { return messages[rng.IntN(len(messages))] }
					if rng.IntN(4) > 0 {
						h.send(g.frame(mutateFrame(rng, pick(), pick())))
					} else {
						h.send(mutateFrame(rng, g.frame(pick()), g.frame(pick())))
					}
				}
				if i%3 == 2 {
					h.waitForAnswer()
				}
				if i%200 == 199 {
					checkBystanders()
				}
			}
			h.waitForAnswer()
			h.ws.Close()
			for code := range h.codes {
				if !slices.Contains(contract, code) {
					t.Errorf("%s, %s frames: a connection was closed with %d, which is not a code of the contract", g.name, kind, code)
				}
			}
			t.Logf("%s: %d %s frames, connections closed by code: %v", g.name, n, kind, h.codes)
		}
	}
	checkBystanders()
	live, ok := s.hub.Loaded(room)
	if !ok {
		t.Fatal("the room is not loaded any more")
	}
	if text, err := live.Text(t.Context(), "bystander"); err != nil || text != doc.Text("bystander").String() {
		t.Errorf("the bystander's text is %q, want %q; error %v", text, doc.Text("bystander").String(), err)
	}
	state, err := live.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := crdt.New(crdt.Options{})
	if _, err := again.ApplyUpdate(state); err != nil {
		t.Errorf("the room's state cannot be applied: %v", err)
	} else if err := again.Check(); err != nil {
		t.Error(err)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, message := range log.messages {
		t.Errorf("an error was logged: %s", message)
	}
}
