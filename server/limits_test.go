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
		t.Errorf("%+v", l)
	}
	for name, value := range map[string]string{
		"nonsense": "1", "rooms": "", "message": "17MiB", "event": "0", "queue": "-1", "hello": "1MB",
		"person": "many", "chat": "5:0", "clients": "1KiB", "structs": "9999999999999999999",
		"push-every": "1h0m0.001s", "pushes": "1KiB", "pending-wait": "0s",
	} {
		if _, err := (Config{Limit: map[string]string{name: value}}).limits(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	lines := LimitNames()
	if len(lines) != len(settable)+len(fixed) {
		t.Errorf("%d lines for %d limits", len(lines), len(settable)+len(fixed))
	}
	for _, p := range []string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"} {
		if list, err := (Config{TrustedProxies: []string{p}}).proxies(); err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %v", p, list, err)
		}
	}
	if _, err := New(Config{Data: t.TempDir(), TrustedProxies: []string{"everybody"}}); err == nil {
		t.Error("a proxy without an address is trusted")
	}
}

// TestLimitsAtTheDoor: what is configured holds on real connections, at the
// limit and one over it, with the codes of the contract.
func TestLimitsOnRealConnections(t *testing.T) {
	until := func(t *testing.T, want int, come func() int) (n int) {
		t.Helper()
		for ; n < 10; n++ {
			switch code := come(); code {
			case http.StatusSwitchingProtocols, 0:
			case want:
				return n
			default:
				t.Fatalf("number %d is answered by %d", n+1, code)
			}
		}
		return n
	}
	t.Run("address", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"address": "3"}, TrustedProxies: []string{"127.0.0.1"}})
		for _, client := range []string{"198.51.100.1", "198.51.100.2"} {
			n := until(t, 429, func() int {
				_, code := s.dialWebSocket(t, "/ws/r", "", http.Header{"X-Forwarded-For": {"8.8.8.8, " + client}})
				return code
			})
			if n != 3 {
				t.Errorf("%d connections from %s", n, client)
			}
		}
		if n := s.limitCount(t, "address"); n != 2 {
			t.Errorf("counted %d times", n)
		}
	})
	t.Run("a proxy that is not trusted", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"address": "3"}})
		made := 0
		if n := until(t, 429, func() int {
			made++
			_, code := s.dialWebSocket(t, "/ws/r", "", http.Header{"X-Forwarded-For": {fmt.Sprint("198.51.100.", made)}})
			return code
		}); n != 3 {
			t.Errorf("%d connections", n)
		}
	})
	t.Run("arrivals", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"arrivals": "1:3"}})
		if n := until(t, 429, func() int { _, code := s.dialWebSocket(t, "/ws/r", "", nil); return code }); n < 3 || n > 4 {
			t.Errorf("%d connections at once", n)
		}
	})
	t.Run("person", func(t *testing.T) {
		s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limit: map[string]string{"person": "3"}})
		ana := s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write})
		if n := until(t, 429, func() int { _, code := s.dialWebSocket(t, "/ws/r", ana.Token, nil); return code }); n != 3 {
			t.Errorf("%d connections of one person", n)
		}
		// The native dialect learns later who it is.
		c := s.dialNative(t)
		c.sendEvent(0, "hello", map[string]string{"token": ana.Token})
		if _, err := c.readMessage(); !websocket.IsCloseError(err, int(wire.CloseRate)) {
			t.Errorf("one more, native: %v", err)
		}
		ben := s.newUser(t, "ben", auth.Grant{Pattern: "**", Role: auth.Write})
		if _, code := s.dialWebSocket(t, "/ws/r", ben.Token, nil); code != http.StatusSwitchingProtocols {
			t.Errorf("somebody else is answered by %d", code)
		}
		if n := s.limitCount(t, "person"); n != 2 {
			t.Errorf("counted %d times", n)
		}
	})
	t.Run("strangers", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"strangers": "3"}})
		if n := until(t, 429, func() int { _, code := s.dialWebSocket(t, "/socket", "", nil); return code }); n != 3 {
			t.Errorf("%d strangers", n)
		}
		if n := s.limitCount(t, "strangers"); n != 1 {
			t.Errorf("counted %d times", n)
		}
	})
	t.Run("rooms", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"rooms": "3"}})
		c := s.joinRoom(t, s.createGuest(t, "Ana"), "r1")
		for n := 2; n <= 4; n++ {
			c.sendEvent(0, "join", map[string]any{"channel": n, "room": fmt.Sprint("r", n)})
			got := c.waitFor("an answer", func(g received) bool { return g.name == "joined" || g.name == "refused" })
			if (got.name == "joined") != (n <= 3) || got.name == "refused" && fmt.Sprint(got.value["code"]) != "4429" {
				t.Errorf("room %d: %s %v", n, got.name, got.value)
			}
			if over := max(n-3, 0); s.limitCount(t, "rooms") != over {
				t.Errorf("room %d: counted %d times", n, s.limitCount(t, "rooms"))
			}
		}
	})
	t.Run("event", func(t *testing.T) {
		s := startServer(t, Config{Limit: map[string]string{"event": "1KiB"}})
		for size, want := range map[int]int{1 << 10: 0, 1<<10 + 1: int(wire.CloseTooLarge)} {
			c := s.joinRoom(t, s.createGuest(t, "Ana"), "r")
			body, err := wire.EncodeEvent("dance", "")
			if err != nil {
				t.Fatal(err)
			}
			pad := size - len(wire.AppendFrame(nil, 1, body)) - 2 // a longer string has a longer head
			if body, err = wire.EncodeEvent("dance", strings.Repeat("x", pad)); err != nil {
				t.Fatal(err)
			}
			if n := len(wire.AppendFrame(nil, 1, body)); n != size {
				t.Fatalf("a frame of %d bytes, want %d", n, size)
			}
			c.sendBody(1, body)
			c.sendEvent(0, "ping", struct{}{})
			code := 0
			for {
				g, err := c.readMessage()
				if closed := (*websocket.CloseError)(nil); err != nil {
					if !asCloseError(err, &closed) {
						t.Fatal(err)
					}
					code = closed.Code
					break
				}
				if g.name == "pong" {
					break
				}
			}
			if code != want {
				t.Errorf("an event of %d bytes: closed with %d, want %d", size, code, want)
			}
		}
	})
}
