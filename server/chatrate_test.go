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

// TestChatRateIsOnePersonsOverAllDoors: at the limit a message is taken, one
// over it is refused with 429 and the time to wait, whichever door it comes
// through; another room and another person are not concerned.
func TestChatRateIsPerPersonOverAllDoors(t *testing.T) {
	const burst = 4
	s := startServer(t, Config{Limit: map[string]string{"chat": fmt.Sprintf("1:%d", burst)}})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	one, two := s.joinRoom(t, ana, "r"), s.joinRoom(t, ana, "r")
	n := 0
	id := func() string { n++; return fmt.Sprint("m", n) }
	doors := []struct {
		name string
		post func() (int, int)
	}{
		{"socket", func() (int, int) { return one.tryPostMessage(id()) }},
		{"another socket", func() (int, int) { return two.tryPostMessage(id()) }},
		{"HTTP", func() (int, int) { return s.tryPostMessage(t, "r", ana.Token, id()) }},
	}
	begun := time.Now()
	seen := map[string]bool{}
	for taken := 0; len(seen) < len(doors); {
		skipIfTooSlow(t, begun)
		door := doors[n%len(doors)]
		status, retry := door.post()
		most := burst + int(math.Ceil(time.Since(begun).Seconds()))
		switch {
		case status == http.StatusCreated:
			taken++
			if taken > most {
				t.Fatalf("%d messages were taken, over %s", taken, door.name)
			}
		case status != http.StatusTooManyRequests || retry < 1 || retry > 2:
			t.Fatalf("over %s: %d, wait %d s", door.name, status, retry)
		case taken < burst:
			t.Fatalf("over %s: refused after %d messages", door.name, taken)
		default:
			seen[door.name] = true
		}
	}
	if status, _ := s.tryPostMessage(t, "elsewhere", ana.Token, id()); status != http.StatusCreated {
		t.Errorf("in another room: %d", status)
	}
	if status, _ := s.tryPostMessage(t, "r", ben.Token, id()); status != http.StatusCreated {
		t.Errorf("somebody else: %d", status)
	}

	// Without a token everybody is new with every request: the address counts.
	begun = time.Now()
	for taken := 0; ; taken++ {
		skipIfTooSlow(t, begun)
		status, _ := s.tryPostMessage(t, "r", "", id())
		if status == http.StatusTooManyRequests && taken >= burst {
			break
		}
		if status != http.StatusCreated || taken > burst+int(math.Ceil(time.Since(begun).Seconds())) {
			t.Fatalf("message %d without a token: %d", taken+1, status)
		}
	}

	// What was refused is not there.
	last, err := s.store.LastSeq(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.store.Messages(t.Context(), "r", store.MessagePage{Limit: 200})
	if err != nil || len(page) != int(last) || int(last) >= n {
		t.Errorf("%d messages of %d, last seq %d: %v", len(page), n, last, err)
	}
}

// TestChatRateOfARoom: many people together are held to the room's limit.
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
			t.Fatalf("message %d: %d", taken+1, status)
		}
	}
	var said bytes.Buffer
	for _, line := range LimitNames() {
		said.WriteString(line)
	}
	for _, want := range []string{"chat              5:10 a second", "room-chat         100:300 a second"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("weft limits does not say %q", want)
		}
	}
}

// TestGuestRateIsOneAddresss: at the limit somebody is made a guest, one over it they
// are told when to come back; a proxy's clients are told apart by what it says, and
// nobody else's word is believed.
func TestGuestRateIsPerAddress(t *testing.T) {
	const burst = 3
	limit := map[string]string{"guests": fmt.Sprint("1:", burst)}
	ask := func(t *testing.T, s *testServer, forwarded string) (status, retry int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+"/api/guests", strings.NewReader(`{"name":"Ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", forwarded)
		return statusOrProblem(t, r, http.StatusCreated)
	}
	// upTo asks until it is refused, each time as from says.
	upTo := func(t *testing.T, s *testServer, from func(n int) string) {
		t.Helper()
		begun := time.Now()
		for made := 0; ; made++ {
			skipIfTooSlow(t, begun)
			status, retry := ask(t, s, from(made))
			if status == http.StatusTooManyRequests && made >= burst && retry == 1 {
				return
			}
			if status != http.StatusCreated || made > burst+int(math.Ceil(time.Since(begun).Seconds())) {
				t.Fatalf("guest %d is answered by %d, %d", made+1, status, retry)
			}
		}
	}
	t.Run("behind a proxy", func(t *testing.T) {
		s := startServer(t, Config{Limit: limit, TrustedProxies: []string{"127.0.0.1"}})
		for _, client := range []string{"198.51.100.1", "198.51.100.2"} {
			upTo(t, s, func(n int) string { return fmt.Sprintf("192.0.2.%d, %s", n, client) })
		}
	})
	t.Run("behind nobody", func(t *testing.T) {
		s := startServer(t, Config{Limit: limit})
		upTo(t, s, func(n int) string { return fmt.Sprint("198.51.100.", n) })
	})
	t.Run("lab", func(t *testing.T) {
		s := startServer(t, Config{Limits: "lab"})
		for n := range 200 {
			if status, _ := ask(t, s, ""); status != http.StatusCreated {
				t.Fatalf("guest %d is answered by %d", n+1, status)
			}
		}
	})
}
