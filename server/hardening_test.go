package server

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/wire"
	door "weft/server/ws"
)

// Attacks on a running server, one test each, with the reason. Others are tested in:
//
//	server/e2e/hostile_test.go    malformed frames, room names and origins at each door
//	server/frames_test.go         malformed and damaged frames by the thousand, at each door
//	server/e2e/mutation_test.go   the same against the built program
//	server/limits_test.go         too many connections, rooms, bytes; made-up X-Forwarded-For
//	server/slow_test.go           a client that stops reading
//	server/awareness_test.go      awareness states of another client
//	server/roles_test.go          writing without the right, or after the token expired
//	server/room/limits_test.go    documents that grow without bound
//	crdt/hardening_test.go        updates that are refused, and why
//	notify/webpush/guard_test.go  push endpoints in the private network

// attackedRoom is a room in which two people work while another connection attacks.
type attackedRoom struct {
	*testServer
	writer, reader *nativeClient
	token          string // of a person with the role read; empty in open mode
	edits          int
}

func newAttackedRoom(t *testing.T, c Config) *attackedRoom {
	t.Helper()
	s := startServer(t, c)
	v := &attackedRoom{testServer: s}
	if c.JWTSecret == "" {
		v.writer, v.reader = s.joinRoom(t, s.createGuest(t, "Ana"), "r"), s.joinRoom(t, s.createGuest(t, "Ben"), "r")
	} else {
		all := auth.Grant{Pattern: "**", Role: auth.Write}
		v.writer, v.reader = s.joinRoom(t, s.newUser(t, "ana", all), "r"), s.joinRoom(t, s.newUser(t, "ben", all), "r")
		v.token = s.newUser(t, "reader", auth.Grant{Pattern: "**", Role: auth.Read}).Token
	}
	v.writer.readInBackground()
	v.reader.readInBackground()
	return v
}

// checkWorks sends an update that must be acked, reach the other connection, and be in
// the document that a new connection reads.
func (v *attackedRoom) checkWorks(t *testing.T) {
	t.Helper()
	v.edits++
	u, err := crdt.New(crdt.Options{ClientID: uint64(1000 + v.edits)}).InsertText("village", 0, fmt.Sprintf("<%d>", v.edits))
	if err != nil {
		t.Fatal(err)
	}
	v.writer.sendBody(1, wire.AppendUpdate(nil, u))
	v.writer.waitFor("an ack", func(g received) bool { return g.Type == wire.TypeAck })
	v.reader.waitFor("the update", func(g received) bool {
		return g.IsUpdate() && bytes.Contains(g.Payload, fmt.Appendf(nil, "<%d>", v.edits))
	})
	if text := v.readDocument(t).Text("village").String(); !strings.Contains(text, fmt.Sprintf("<%d>", v.edits)) {
		t.Fatalf("a new connection reads %q, want it to contain <%d>", text, v.edits)
	}
}

// readDocument reads the document over a new y-websocket connection.
func (v *attackedRoom) readDocument(t *testing.T) *crdt.Doc {
	t.Helper()
	ws, code := v.dialWebSocket(t, "/ws/r", v.token, nil)
	if ws == nil {
		t.Fatalf("a new connection is refused with status %d", code)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.BinaryMessage, wire.AppendStep1(nil, []byte{0})); err != nil {
		t.Fatal(err)
	}
	doc := crdt.New(crdt.Options{})
	for {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.DecodeBody(frame)
		if err != nil {
			t.Fatal(err)
		}
		if b.Type != wire.TypeSync || b.Sync == ysync.Step1 {
			continue
		}
		if _, err := doc.ApplyUpdate(b.Payload); err != nil {
			t.Fatalf("the server sent an invalid update: %v", err)
		}
		if b.Sync == ysync.Step2 {
			return doc
		}
	}
}

// dialSynced opens a y-websocket connection and asks for the document.
func (v *attackedRoom) dialSynced(t *testing.T) *websocket.Conn {
	t.Helper()
	ws := v.dialYWebsocket(t, "r")
	if err := ws.WriteMessage(websocket.BinaryMessage, wire.AppendStep1(nil, []byte{0})); err != nil {
		t.Fatal(err)
	}
	return ws
}

// TestInvalidUpdatesLeaveDocumentUnchanged checks that invalid updates close only their
// sender's connection. About twenty bytes are enough to make a room unusable for ever in
// a server that applies an update before it validates it: clients cannot join any more,
// or the document cannot be stored.
func TestInvalidUpdatesLeaveDocumentUnchanged(t *testing.T) {
	v := newAttackedRoom(t, Config{Limits: "lab"})
	for name, update := range map[string]string{
		"empty string":               "01010100040101740000", // the state can't be encoded in Yjs afterwards
		"empty tombstone":            "01010100010101740000", // crashes Yjs
		"empty GC":                   "01010100000000",       // crashes y-crdt
		"clock beyond 2^53":          "010101ffffffffffffff0f000200",
		"a lone surrogate":           "010101000401017403eda0bd00", // throws in every browser
		"embed that is not JSON":     "0101010005010174017b00",
		"origin of the same clock":   "01010100840100016100", // half-applied by Yjs
		"parent in the future":       "0101010004000101016100",
		"any nested without end":     "010101000801017401" + strings.Repeat("7501", 5000) + "7e00",
		"subdocument without object": "010101000901017401677e00",
	} {
		b, err := hex.DecodeString(update)
		if err != nil {
			t.Fatal(name, err)
		}
		before := v.readDocument(t).EncodeStateAsUpdate(nil)
		ws := v.dialYWebsocket(t, "r")
		sendUpdate(t, ws, b)
		if code := readCloseCode(t, ws); code != int(wire.CloseBadFrame) {
			t.Errorf("%s: closed with %d, want %d", name, code, wire.CloseBadFrame)
		}
		if !bytes.Equal(before, v.readDocument(t).EncodeStateAsUpdate(nil)) {
			t.Errorf("%s: the document has changed", name)
		}
	}
	v.checkWorks(t)
}

// TestManyRootsAreStoredUpToTheLimit checks a document with 60,000 root types. In Yjs,
// 100,000 root names (1 MB) take 25 s and stay for ever. Here they are applied and
// served, and the next root is refused.
func TestManyRootsAreStoredUpToTheLimit(t *testing.T) {
	v := newAttackedRoom(t, Config{Limits: "lab"})
	v.checkWorks(t)
	const n = 60_000 // as many as fit in the largest message
	flood := lib0.AppendUvarint([]byte{1}, n)
	flood = append(flood, 7, 0) // client 7 from clock 0
	for i := range n {
		flood = append(flood, 4, 1) // a string whose parent is a root
		flood = lib0.AppendVarString(flood, fmt.Sprint(i))
		flood = append(flood, 1, 'x')
	}
	flood = append(flood, 0)
	ws := v.dialYWebsocket(t, "r")
	sendUpdate(t, ws, flood)
	whole := crdt.New(crdt.Options{})
	for _, update := range [][]byte{v.readDocument(t).EncodeStateAsUpdate(nil), flood} {
		if _, err := whole.ApplyUpdate(update); err != nil {
			t.Fatal(err)
		}
	}
	applyUntilEqual(t, v.dialSynced(t), crdt.New(crdt.Options{}), whole)
	u, err := crdt.New(crdt.Options{ClientID: 8}).InsertText("one more", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	sendUpdate(t, ws, u)
	if code := readCloseCode(t, ws); code != int(wire.CloseTooLarge) {
		t.Errorf("one more root: closed with %d, want %d", code, wire.CloseTooLarge)
	}
	doc := v.readDocument(t)
	if text := doc.Text("one more").String(); text != "" || len(doc.Roots()) != n+1 {
		t.Errorf("%d roots, want %d; the refused root has the text %q", len(doc.Roots()), n+1, text)
	}
	// The limit is per room.
	elsewhere := v.joinRoom(t, v.createGuest(t, "Cid"), "elsewhere")
	elsewhere.sendBody(1, wire.AppendUpdate(nil, u))
	elsewhere.waitFor("an ack", func(g received) bool { return g.Type == wire.TypeAck })
}

// TestPendingUpdatesAreBounded checks that a flood of updates with missing dependencies
// closes the connection. In Yjs they are pending for ever; 40,000 take 13 s and their
// memory is never freed.
func TestPendingUpdatesAreBounded(t *testing.T) {
	v := newAttackedRoom(t, Config{Limits: "lab"})
	ws := v.dialYWebsocket(t, "r")
	go func() {
		for i := range 40_000 {
			// A string at clock 50 of a new client, whose origin, clock 49, is missing.
			u := append([]byte{1, 1}, lib0.AppendUvarint(nil, uint64(10+i))...)
			u = append(u, 50, 0x84)
			u = append(lib0.AppendUvarint(u, uint64(10+i)), 49, 1, 'a', 0)
			if ws.WriteMessage(websocket.BinaryMessage, wire.AppendUpdate(nil, u)) != nil {
				return
			}
		}
	}()
	if code := readCloseCode(t, ws); code != int(wire.CloseOverload) && code != -1 {
		t.Errorf("closed with %d, want %d or no close frame", code, wire.CloseOverload)
	}
	v.checkWorks(t)
}

// TestFragmentedMessageIsLimitedAsAWhole checks that the size limit applies to the sum of
// a message's fragments, which the WebSocket library assembles.
func TestFragmentedMessageIsLimitedAsAWhole(t *testing.T) {
	v := newAttackedRoom(t, Config{Limits: "lab"})
	ws := v.dialYWebsocket(t, "r")
	w, err := ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	fragment := make([]byte, 64<<10)
	for range (door.LabLimits().Answer + 1<<20) / len(fragment) { // 1 MiB more than the largest answer that the server reads
		if _, err := w.Write(fragment); err != nil {
			break
		}
	}
	_ = w.Close()
	if code := readCloseCode(t, ws); code != 1009 && code != -1 { // -1: reset while the test was writing
		t.Errorf("closed with %d, want 1009 or no close frame", code)
	}
	v.checkWorks(t)
}

// TestCompressionIsNotNegotiated checks that no door accepts permessage-deflate: 64 KiB
// can expand to 64 MiB, and gorilla's read limit counts compressed bytes.
func TestCompressionIsNotNegotiated(t *testing.T) {
	s := startServer(t, Config{})
	for _, path := range []string{"/ws/r", "/socket", "/hocuspocus"} {
		d := websocket.Dialer{EnableCompression: true}
		ws, resp, err := d.DialContext(t.Context(), "ws://"+s.host+path, nil)
		if err != nil {
			t.Fatal(path, err)
		}
		defer ws.Close()
		if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
			t.Errorf("%s: the server accepts the extension %q", path, ext)
		}
	}
}

// TestIncompleteHandshakeTimesOut checks that the server closes connections whose request
// header is never completed. Each takes a socket and a goroutine while it is open.
func TestIncompleteHandshakeTimesOut(t *testing.T) {
	t.Parallel()
	s := startServer(t, Config{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			conn, err := net.Dial("tcp", s.host)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /ws/r HTTP/1.1\r\nHost: %s\r\nX-Slow: ", s.host)
			_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("the connection with an incomplete header was not closed: %v", err)
			}
		})
	}
	all.Wait()
}

// TestLargeRequestHeaderIsRefused checks that request headers are bounded: they are read
// before the client is authenticated.
func TestLargeRequestHeaderIsRefused(t *testing.T) {
	s := startServer(t, Config{})
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		fmt.Fprintf(conn, "GET /ws/r HTTP/1.1\r\nHost: %s\r\n", s.host)
		for i := range 1000 {
			if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 100)); err != nil {
				return
			}
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return // the connection was reset before the response was read
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want %d", resp.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
	}
}

// TestInvalidAwarenessClosesOnlyItsSender checks hostile awareness states. Deeply nested
// JSON crashes a y-websocket server when the next client joins; a state with clock 2^53-1
// stays there for ever.
func TestInvalidAwarenessClosesOnlyItsSender(t *testing.T) {
	v := newAttackedRoom(t, Config{Limits: "lab"})
	for name, json := range map[string]string{
		"nested":    strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000),
		"no object": `[1]`,
		"cut off":   `{"a":`,
	} {
		ws := v.dialYWebsocket(t, "r")
		sendAwareness(t, ws, 5, 1, json)
		if code := readCloseCode(t, ws); code != int(wire.CloseBadFrame) {
			t.Errorf("%s: closed with %d, want %d", name, code, wire.CloseBadFrame)
		}
	}
	v.checkWorks(t)
	// A state is removed when its connection is closed, whatever its clock.
	ghost, watcher := v.dialYWebsocket(t, "r"), v.dialYWebsocket(t, "r")
	sendAwareness(t, ghost, 6, 1, `{}`)
	readAwarenessOf(t, watcher, 6)
	body := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 6, Clock: 1<<53 - 1, JSON: []byte(`{}`)}}))
	if err := ghost.WriteMessage(websocket.BinaryMessage, body); err != nil {
		t.Fatal(err)
	}
	ghost.Close()
	for {
		if st := readAwarenessOf(t, watcher, 6); st.Gone() {
			break
		}
	}
}

// TestHelloCannotChangeTheUser checks that a second hello, which may renew the token, is
// refused with a token of another person: it would hand over the open connection.
func TestHelloCannotChangeTheUser(t *testing.T) {
	v := newAttackedRoom(t, Config{JWTSecret: strings.Repeat("s", 32)})
	all := auth.Grant{Pattern: "**", Role: auth.Write}
	c := v.joinRoom(t, v.testServer.newUser(t, "cid", all), "r")
	c.sendEvent(0, "hello", map[string]string{"token": v.testServer.newUser(t, "ana", all).Token})
	if code := readCloseCode(t, c.ws); code != int(wire.CloseAuth) {
		t.Errorf("closed with %d, want %d", code, wire.CloseAuth)
	}
	v.checkWorks(t)
}

// TestMessageAuthorComesFromTheToken checks that the author of a message is the person of
// the token, not the user that the message names.
func TestMessageAuthorComesFromTheToken(t *testing.T) {
	v := newAttackedRoom(t, Config{JWTSecret: strings.Repeat("s", 32)})
	c := v.joinRoom(t, v.testServer.newUser(t, "mallory", auth.Grant{Pattern: "**", Role: auth.Write}), "r")
	c.sendEvent(1, "send", map[string]any{"id": "m1", "text": "it was me", "user": map[string]string{"id": "ana", "name": "Ana"}})
	message := v.writer.waitForEvent("message")
	if user := fmt.Sprint(message["user"]); !strings.Contains(user, "mallory") {
		t.Errorf("the author is %s, want mallory", user)
	}
}

// TestChatFloodIsRefused checks that messages beyond the rate limit are refused with 429
// and not delayed: each costs a transaction and is sent to every peer.
func TestChatFloodIsRefused(t *testing.T) {
	s := startServer(t, Config{})
	c := s.joinRoom(t, s.createGuest(t, "Mallory"), "r")
	for i := range 20 {
		c.sendEvent(1, "send", map[string]any{"id": fmt.Sprint("m", i), "text": "x"})
	}
	sent, unsent := 0, 0
	for sent+unsent < 20 {
		switch g := c.waitFor("an answer", func(g received) bool { return g.name == "sent" || g.name == "unsent" }); {
		case g.name == "sent":
			sent++
		case fmt.Sprint(g.value["status"]) != "429":
			t.Errorf("unsent is %v, want status 429", g.value)
		default:
			unsent++
		}
	}
	if sent < 10 || unsent < 5 {
		t.Errorf("%d messages accepted, %d refused; want at least 10 and 5", sent, unsent)
	}
}

// TestLogHasNoSecretsAndNoForgedLines checks that tokens and texts of clients are not
// logged, and that a client cannot add a line to the log.
func TestLogHasNoSecretsAndNoForgedLines(t *testing.T) {
	log := &logBuffer{}
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	g := s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write})
	const evil = "a%0d%0alevel=ERROR%20msg=forged"
	for _, path := range []string{"/ws/" + evil, "/ws/r%1b%5b31m", "/socket", "/ws/ok"} {
		for _, token := range []string{g.Token, "not-a-token-but-secret", g.Token + "x"} {
			if ws, _ := s.dialWebSocket(t, path, token, nil); ws != nil {
				_ = ws.WriteMessage(websocket.TextMessage, []byte("secret text\nlevel=ERROR msg=forged"))
				readCloseCode(t, ws)
			}
		}
	}
	text := log.String()
	for _, bad := range []string{g.Token, "not-a-token", "secret text", "\nlevel=ERROR", "\x1b"} {
		if strings.Contains(text, bad) {
			t.Errorf("the log has %q", bad)
		}
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("the log has a forged line: %q", line)
		}
	}
}
