package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"weft/notify"
	"weft/server/auth"
	"weft/server/wire"
)

// TestLimitsAreSetByName checks that limits are set by name, that invalid names and values
// are refused, and that every limit is listed.
func TestLimitsAreSetByName(t *testing.T) {
	l, err := Config{Limit: map[string]string{
		"message": "2MiB", "rooms": "3", "address": "0", "arrivals": "1:2", "bytes": "1MiB", "updates": "0",
		"document": "100", "open-documents": "2GiB", "chat": "10",
		"pushes": "7", "push-every": "1h",
	}}.limits()
	if err != nil {
		t.Fatal(err)
	}
	w := l.ws
	if w.Document != 2<<20 || w.Rooms != 3 || w.PerAddr != 0 || w.New != 1 || w.NewBurst != 2 || w.Bytes != 1<<20 || w.BytesBurst != 8<<20 ||
		w.Updates != rate.Inf || l.chat.Person != 10 || l.chat.PersonBurst != 20 || l.rooms.Content != 100 || l.rooms.Memory != 2<<30 ||
		l.push != (notify.Limits{Every: time.Hour, Hourly: 7}) {
		t.Errorf("got the limits %+v", l)
	}
	for name, value := range map[string]string{
		"nonsense": "1", "rooms": "", "message": "17MiB", "event": "0", "queue": "-1", "hello": "1MB",
		"person": "many", "chat": "5:0", "clients": "1KiB", "structs": "9999999999999999999",
		"push-every": "1h0m0.001s", "pushes": "1KiB", "pending-wait": "0s",
	} {
		if _, err := (Config{Limit: map[string]string{name: value}}).limits(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got error %v, want one that names the limit", name, value, err)
		}
	}
	lines := LimitNames()
	if len(lines) != len(settable)+len(fixed) {
		t.Errorf("weft limits has %d lines for %d limits", len(lines), len(settable)+len(fixed))
	}
	for _, p := range []string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"} {
		if list, err := (Config{TrustedProxies: []string{p}}).proxies(); err != nil || len(list) != 1 {
			t.Errorf("proxy %s: parsed as %v, error %v", p, list, err)
		}
	}
	if _, err := New(Config{Data: t.TempDir(), TrustedProxies: []string{"everybody"}}); err == nil {
		t.Error("a proxy that is not an address is accepted")
	}
}

// TestLimitsOnRealConnections checks configured limits on real connections, at the limit and
// one over it, with the status and close codes of the contract.
func TestLimitsOnRealConnections(t *testing.T) {
	t.Run("connections of an address behind a trusted proxy", testAddressLimitBehindProxy)
	t.Run("connections of an address with an untrusted proxy", testAddressLimitWithUntrustedProxy)
	t.Run("arrivals", testArrivalsLimit)
	t.Run("connections of a person", testPersonLimit)
	t.Run("unauthenticated connections", testUnauthenticatedLimit)
	t.Run("rooms of a connection", testRoomsLimit)
	t.Run("size of an event", testEventSizeLimit)
}

// connectUntilRefused opens up to 10 connections until one is refused with the wanted
// status, and returns how many were accepted. connect returns the status of one.
func connectUntilRefused(t *testing.T, want int, connect func() int) (accepted int) {
	t.Helper()
	for ; accepted < 10; accepted++ {
		switch code := connect(); code {
		case http.StatusSwitchingProtocols:
		case want:
			return accepted
		default:
			t.Fatalf("connection %d: status %d, want 101 or %d", accepted+1, code, want)
		}
	}
	return accepted
}

func testAddressLimitBehindProxy(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"address": "3"}, TrustedProxies: []string{"127.0.0.1"}})
	for _, client := range []string{"198.51.100.1", "198.51.100.2"} {
		n := connectUntilRefused(t, 429, func() int {
			_, code := s.dialWebSocket(t, "/ws/r", "", http.Header{"X-Forwarded-For": {"8.8.8.8, " + client}})
			return code
		})
		if n != 3 {
			t.Errorf("%d connections from %s accepted, want 3", n, client)
		}
	}
	if n := s.limitCount(t, "address"); n != 2 {
		t.Errorf("counted %d times, want 2", n)
	}
}

func testAddressLimitWithUntrustedProxy(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"address": "3"}})
	tried := 0
	if n := connectUntilRefused(t, 429, func() int {
		tried++
		_, code := s.dialWebSocket(t, "/ws/r", "", http.Header{"X-Forwarded-For": {fmt.Sprint("198.51.100.", tried)}})
		return code
	}); n != 3 {
		t.Errorf("%d connections accepted, want 3", n)
	}
}

func testArrivalsLimit(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"arrivals": "1:3"}})
	n := connectUntilRefused(t, 429, func() int { _, code := s.dialWebSocket(t, "/ws/r", "", nil); return code })
	if n < 3 || n > 4 {
		t.Errorf("%d connections accepted at once, want 3 or 4", n)
	}
}

func testPersonLimit(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limit: map[string]string{"person": "3"}})
	ana := s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write})
	n := connectUntilRefused(t, 429, func() int { _, code := s.dialWebSocket(t, "/ws/r", ana.Token, nil); return code })
	if n != 3 {
		t.Errorf("%d connections of one person accepted, want 3", n)
	}
	// In the native dialect the person is known only after the upgrade, with hello.
	c := s.dialNative(t)
	c.sendEvent(0, "hello", map[string]string{"token": ana.Token})
	if _, err := c.readMessage(); !websocket.IsCloseError(err, int(wire.CloseRate)) {
		t.Errorf("one native connection more: got %v, want close code %d", err, wire.CloseRate)
	}
	ben := s.newUser(t, "ben", auth.Grant{Pattern: "**", Role: auth.Write})
	if _, code := s.dialWebSocket(t, "/ws/r", ben.Token, nil); code != http.StatusSwitchingProtocols {
		t.Errorf("another person: status %d, want 101", code)
	}
	if n := s.limitCount(t, "person"); n != 2 {
		t.Errorf("counted %d times, want 2", n)
	}
}

func testUnauthenticatedLimit(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"strangers": "3"}})
	n := connectUntilRefused(t, 429, func() int { _, code := s.dialWebSocket(t, "/socket", "", nil); return code })
	if n != 3 {
		t.Errorf("%d unauthenticated connections accepted, want 3", n)
	}
	if n := s.limitCount(t, "strangers"); n != 1 {
		t.Errorf("counted %d times, want 1", n)
	}
}

func testRoomsLimit(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"rooms": "3"}})
	c := s.joinRoom(t, s.createGuest(t, "Ana"), "r1")
	for n := 2; n <= 4; n++ {
		c.sendEvent(0, "join", map[string]any{"channel": n, "room": fmt.Sprint("r", n)})
		got := c.waitFor("an answer", func(g received) bool { return g.name == "joined" || g.name == "refused" })
		if (got.name == "joined") != (n <= 3) || got.name == "refused" && fmt.Sprint(got.value["code"]) != "4429" {
			t.Errorf("room %d: got %s %v, want joined up to room 3, then refused with 4429", n, got.name, got.value)
		}
		if over := max(n-3, 0); s.limitCount(t, "rooms") != over {
			t.Errorf("room %d: counted %d times, want %d", n, s.limitCount(t, "rooms"), over)
		}
	}
}

func testEventSizeLimit(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"event": "1KiB"}})
	for size, want := range map[int]int{1 << 10: 0, 1<<10 + 1: int(wire.CloseTooLarge)} {
		c := s.joinRoom(t, s.createGuest(t, "Ana"), "r")
		event := frameOfSize(t, size, func(n int) []byte {
			body, err := wire.EncodeEvent("unknown", strings.Repeat("x", n))
			if err != nil {
				t.Fatal(err)
			}
			return wire.AppendFrame(nil, 1, body)
		})
		if err := c.ws.WriteMessage(websocket.BinaryMessage, event); err != nil {
			t.Fatal(err)
		}
		c.sendEvent(0, "ping", struct{}{})
		if code := c.readUntilPong(); code != want {
			t.Errorf("an event of %d bytes: closed with %d, want %d", size, code, want)
		}
	}
}

// readUntilPong reads until a pong arrives, and returns 0, or until the connection is
// closed, and returns the close code.
func (c *nativeClient) readUntilPong() (code int) {
	c.t.Helper()
	for {
		g, err := c.readMessage()
		if closed := (*websocket.CloseError)(nil); err != nil {
			if !asCloseError(err, &closed) {
				c.t.Fatal(err)
			}
			return closed.Code
		}
		if g.name == "pong" {
			return 0
		}
	}
}
