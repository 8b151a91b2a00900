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
	"weft/server/store"
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
	go func(closeCode chan<- int, answers chan<- struct{}) {
		for {
			_, frame, err := ws.ReadMessage()
			if err != nil {
				code := -1
				var closed *websocket.CloseError
				if errors.As(err, &closed) {
					code = closed.Code
				}
				closeCode <- code
				return
			}
			// Step 2 is the answer to waitForAnswer's step 1.
			body := frame
			if prefix := h.door.frame(nil); bytes.HasPrefix(frame, prefix) {
				body = frame[len(prefix):]
			}
			if len(body) > 1 && body[0] == 0 && body[1] == 1 {
				select {
				case answers <- struct{}{}:
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
	b := newBystanders(t, s, room)
	n := hostileFrames(t)
	for _, d := range doorDialects(t, room) {
		random := rand.New(rand.NewPCG(seed, uint64(len(d.name))))
		for _, kind := range []string{"malformed", "mutated"} {
			h := &attacker{t: t, server: s, door: d, codes: map[int]int{}}
			h.attack(kind, n, random, b)
			for code := range h.codes {
				if !slices.Contains([]int{1009, 4400, 4401, 4403, 4408, 4413, 4429}, code) {
					t.Errorf("%s, %s frames: a connection was closed with %d, which is not a code of the contract", d.name, kind, code)
				}
			}
			t.Logf("%s: %d %s frames, connections closed by code: %v", d.name, n, kind, h.codes)
		}
	}
	b.checkWork()
	checkLoadable(t, s, room, b.doc.Text("bystander").String())
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, message := range log.messages {
		t.Errorf("an error was logged: %s", message)
	}
}

// attack sends n frames of a kind, random bytes or mutated valid frames. It checks the
// bystanders every 200 frames.
func (h *attacker) attack(kind string, n int, random *rand.Rand, b *bystanders) {
	h.t.Helper()
	samples := sampleBodies(h.t)
	pick := func() []byte { return samples[random.IntN(len(samples))] }
	h.connect()
	for i := range n {
		switch {
		case kind == "malformed":
			h.send(randomFrame(random, h.door))
		case random.IntN(4) > 0:
			h.send(h.door.frame(mutateFrame(random, pick(), pick())))
		default:
			h.send(mutateFrame(random, h.door.frame(pick()), h.door.frame(pick())))
		}
		if i%3 == 2 {
			h.waitForAnswer()
		}
		if i%200 == 199 {
			b.checkWork()
		}
	}
	h.waitForAnswer()
	h.ws.Close()
}

// bystanders are two y-websocket connections in the attacked room.
type bystanders struct {
	t       *testing.T
	doc     *crdt.Doc
	writer  *websocket.Conn
	mirrors map[*websocket.Conn]*crdt.Doc // what each connection has received
}

func newBystanders(t *testing.T, s *testServer, room string) *bystanders {
	t.Helper()
	writer, reader := s.dialYWebsocket(t, room), s.dialYWebsocket(t, room)
	return &bystanders{
		t: t,
		// This client id must not occur in sampleBodies: a mutated frame that names it could
		// legally delete this client's text.
		doc:     crdt.New(crdt.Options{ClientID: 0xb57a_4de5}),
		writer:  writer,
		mirrors: map[*websocket.Conn]*crdt.Doc{writer: crdt.New(crdt.Options{}), reader: crdt.New(crdt.Options{})},
	}
}

// checkWork inserts a character through one connection. Both must receive it.
func (b *bystanders) checkWork() {
	b.t.Helper()
	u, err := b.doc.InsertText("bystander", 0, "x")
	if err != nil {
		b.t.Fatal(err)
	}
	sendUpdate(b.t, b.writer, u)
	for ws, mirror := range b.mirrors {
		// One deadline for all frames, because frames of the attack arrive all the time.
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		for mirror.Text("bystander").String() != b.doc.Text("bystander").String() {
			_, frame, err := ws.ReadMessage()
			if err != nil {
				b.t.Fatalf("a bystander's connection was closed: %v", err)
			}
			if body, err := wire.DecodeBody(frame); err == nil && body.IsUpdate() {
				if _, err := mirror.ApplyUpdate(body.Payload); err != nil {
					b.t.Fatalf("a bystander received an invalid update: %v", err)
				}
			}
		}
	}
}

// checkLoadable checks that the room has the bystanders' text, and that its state can be
// applied to an empty document and is consistent.
func checkLoadable(t *testing.T, s *testServer, room store.RoomID, want string) {
	t.Helper()
	live, ok := s.hub.Loaded(room)
	if !ok {
		t.Fatal("the room is not loaded any more")
	}
	if text, err := live.Text(t.Context(), "bystander"); err != nil || text != want {
		t.Errorf("the bystander's text is %q, want %q; error %v", text, want, err)
	}
	state, err := live.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	loaded := crdt.New(crdt.Options{})
	if _, err := loaded.ApplyUpdate(state); err != nil {
		t.Errorf("the room's state cannot be applied: %v", err)
	} else if err := loaded.Check(); err != nil {
		t.Error(err)
	}
}
