package server

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"weft/server/store"
)

// TestChatRateIsPerPersonOverAllDoors checks that one rate limit applies to a person's
// messages in a room over all doors: messages within it are accepted, further ones are
// refused with 429 and the seconds to wait, and are not stored. Other rooms and other
// people are not affected.
func TestChatRateIsPerPersonOverAllDoors(t *testing.T) {
	const burst = 4
	s := startServer(t, Config{Limit: map[string]string{"chat": fmt.Sprintf("1:%d", burst)}})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	first, second := s.joinRoom(t, ana, "r"), s.joinRoom(t, ana, "r")
	n := 0
	id := func() string { n++; return fmt.Sprint("m", n) }
	doors := []struct {
		name string
		post func() (int, int)
	}{
		{"a WebSocket", func() (int, int) { return first.tryPostMessage(id()) }},
		{"another WebSocket", func() (int, int) { return second.tryPostMessage(id()) }},
		{"HTTP", func() (int, int) { return s.tryPostMessage(t, "r", ana.Token, id()) }},
	}
	begun := time.Now()
	refusedBy := map[string]bool{} // by name of the door
	for taken := 0; len(refusedBy) < len(doors); {
		skipIfTooSlow(t, begun)
		door := doors[n%len(doors)]
		status, retry := door.post()
		most := burst + int(math.Ceil(time.Since(begun).Seconds()))
		switch {
		case status == http.StatusCreated:
			taken++
			if taken > most {
				t.Fatalf("%d messages were accepted, the last over %s; want at most %d", taken, door.name, most)
			}
		case status != http.StatusTooManyRequests || retry < 1 || retry > 2:
			t.Fatalf("over %s: status %d, retry after %d s; want 429 and 1 or 2 s", door.name, status, retry)
		case taken < burst:
			t.Fatalf("over %s: refused after %d messages, want at least %d", door.name, taken, burst)
		default:
			refusedBy[door.name] = true
		}
	}
	if status, _ := s.tryPostMessage(t, "elsewhere", ana.Token, id()); status != http.StatusCreated {
		t.Errorf("in another room: status %d, want 201", status)
	}
	if status, _ := s.tryPostMessage(t, "r", ben.Token, id()); status != http.StatusCreated {
		t.Errorf("another person: status %d, want 201", status)
	}

	// Each request without a token is from a new guest, so the limit is per address.
	begun = time.Now()
	for taken := 0; ; taken++ {
		skipIfTooSlow(t, begun)
		status, _ := s.tryPostMessage(t, "r", "", id())
		if status == http.StatusTooManyRequests && taken >= burst {
			break
		}
		if status != http.StatusCreated || taken > burst+int(math.Ceil(time.Since(begun).Seconds())) {
			t.Fatalf("message %d without a token: status %d", taken+1, status)
		}
	}

	// Refused messages are not stored.
	last, err := s.store.LastSeq(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.store.Messages(t.Context(), "r", store.MessagePage{Limit: 200})
	if err != nil || len(page) != int(last) || int(last) >= n {
		t.Errorf("%d messages stored of %d sent, last seq %d; want as many as seq, and fewer than sent; error %v", len(page), n, last, err)
	}
}

// TestChatRateIsPerRoom checks that the room's limit applies to many people together.
func TestChatRateIsPerRoom(t *testing.T) {
	s := startServer(t, Config{Limit: map[string]string{"room-chat": "1:5"}})
	begun := time.Now()
	for taken := 0; ; taken++ {
		skipIfTooSlow(t, begun)
		status, retry := s.tryPostMessage(t, "r", s.createGuest(t, "Ana").Token, fmt.Sprint("m", taken))
		if status == http.StatusTooManyRequests && taken >= 5 && retry >= 1 {
			break
		}
		if status != http.StatusCreated || taken > 5+int(math.Ceil(time.Since(begun).Seconds())) {
			t.Fatalf("message %d: status %d", taken+1, status)
		}
	}
	var help bytes.Buffer
	for _, line := range LimitNames() {
		help.WriteString(line)
	}
	for _, want := range []string{"chat              5:10 a second", "room-chat         100:300 a second"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the output of weft limits lacks %q", want)
		}
	}
}

// TestGuestRateIsPerAddress checks that creating guests is limited per address, and that
// a refusal says when to retry. X-Forwarded-For tells a trusted proxy's clients apart; of
// other peers it is ignored.
func TestGuestRateIsPerAddress(t *testing.T) {
	const burst = 3
	limit := map[string]string{"guests": fmt.Sprint("1:", burst)}
	createGuest := func(t *testing.T, s *testServer, forwarded string) (status, retry int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+"/api/guests", strings.NewReader(`{"name":"Ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", forwarded)
		return statusOrProblem(t, r, http.StatusCreated)
	}
	// createUntilRefused creates guests until one is refused; from(n) is the
	// X-Forwarded-For of request n.
	createUntilRefused := func(t *testing.T, s *testServer, from func(n int) string) {
		t.Helper()
		begun := time.Now()
		for made := 0; ; made++ {
			skipIfTooSlow(t, begun)
			status, retry := createGuest(t, s, from(made))
			if status == http.StatusTooManyRequests && made >= burst && retry == 1 {
				return
			}
			if status != http.StatusCreated || made > burst+int(math.Ceil(time.Since(begun).Seconds())) {
				t.Fatalf("guest %d: status %d, retry after %d s", made+1, status, retry)
			}
		}
	}
	t.Run("behind a trusted proxy", func(t *testing.T) {
		s := startServer(t, Config{Limit: limit, TrustedProxies: []string{"127.0.0.1"}})
		for _, client := range []string{"198.51.100.1", "198.51.100.2"} {
			createUntilRefused(t, s, func(n int) string { return fmt.Sprintf("192.0.2.%d, %s", n, client) })
		}
	})
	t.Run("without a proxy", func(t *testing.T) {
		s := startServer(t, Config{Limit: limit})
		createUntilRefused(t, s, func(n int) string { return fmt.Sprint("198.51.100.", n) })
	})
	t.Run("lab", func(t *testing.T) {
		s := startServer(t, Config{Limits: "lab"})
		for n := range 200 {
			if status, _ := createGuest(t, s, ""); status != http.StatusCreated {
				t.Fatalf("guest %d: status %d, want 201", n+1, status)
			}
		}
	})
}
