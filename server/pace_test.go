package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"weft/server/store"
)

// talk posts over HTTP and returns the status, and for a refusal what
// Retry-After says. A refusal is a problem, and nothing of it is stored.
func (s *site) talk(t *testing.T, room, token, id string) (status, retry int) {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"text":"hello"}`, id)
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+"/api/rooms/"+room+"/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return problemOr(t, r, http.StatusCreated)
}

// problemOr makes a request, and returns the status of the answer, and if that is
// not the good one what Retry-After says. The answer is a problem then.
func problemOr(t *testing.T, r *http.Request, good int) (status, retry int) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == good {
		return answer.StatusCode, 0
	}
	var p struct {
		Title, Detail string
		Status        int
	}
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || p.Status != answer.StatusCode || p.Title == "" || p.Detail == "" ||
		answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d: %+v, %v, %s", answer.StatusCode, p, err, answer.Header.Get("Content-Type"))
	}
	retry, _ = strconv.Atoi(answer.Header.Get("Retry-After"))
	return answer.StatusCode, retry
}

// post posts on a native connection and returns the status of the answer.
func (c *client) post(id string) (status, retry int) {
	c.t.Helper()
	c.event(1, "send", map[string]any{"id": id, "text": "hello"})
	g := c.until("the answer to "+id, func(g got) bool {
		return (g.name == "sent" || g.name == "unsent") && fmt.Sprint(g.value["id"]) == id
	})
	if g.name == "sent" {
		return http.StatusCreated, 0
	}
	number := func(key string) int {
		n, _ := strconv.Atoi(fmt.Sprint(g.value[key]))
		return n
	}
	return number("status"), number("retryAfter")
}

// tooSlow gives up where a message takes as long as the limit gives for one: there
// the limit is never reached.
func tooSlow(t *testing.T, begun time.Time) {
	t.Helper()
	if time.Since(begun) > time.Minute {
		t.Skip("this machine is too slow to reach the limit")
	}
}

// TestChatRateIsOnePersonsOverAllDoors: at the limit a message is taken, one
// over it is refused with 429 and the time to wait, whichever door it comes
// through; another room and another person are not concerned.
func TestChatRateIsOnePersonsOverAllDoors(t *testing.T) {
	const burst = 4
	s := run(t, Config{Limit: map[string]string{"chat": fmt.Sprintf("1:%d", burst)}})
	ana, ben := s.guest(t, "Ana"), s.guest(t, "Ben")
	one, two := s.enter(t, ana, "r"), s.enter(t, ana, "r")
	n := 0
	id := func() string { n++; return fmt.Sprint("m", n) }
	doors := []struct {
		name string
		post func() (int, int)
	}{
		{"socket", func() (int, int) { return one.post(id()) }},
		{"another socket", func() (int, int) { return two.post(id()) }},
		{"HTTP", func() (int, int) { return s.talk(t, "r", ana.Token, id()) }},
	}
	begun := time.Now()
	seen := map[string]bool{}
	for taken := 0; len(seen) < len(doors); {
		tooSlow(t, begun)
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
	if status, _ := s.talk(t, "elsewhere", ana.Token, id()); status != http.StatusCreated {
		t.Errorf("in another room: %d", status)
	}
	if status, _ := s.talk(t, "r", ben.Token, id()); status != http.StatusCreated {
		t.Errorf("somebody else: %d", status)
	}

	// Without a token everybody is new with every request: the address counts.
	begun = time.Now()
	for taken := 0; ; taken++ {
		tooSlow(t, begun)
		status, _ := s.talk(t, "r", "", id())
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
func TestChatRateOfARoom(t *testing.T) {
	s := run(t, Config{Limit: map[string]string{"room-chat": "1:5"}})
	begun := time.Now()
	for taken := 0; ; taken++ {
		tooSlow(t, begun)
		status, retry := s.talk(t, "r", s.guest(t, "Ana").Token, fmt.Sprint("m", taken))
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
func TestGuestRateIsOneAddresss(t *testing.T) {
	const burst = 3
	limit := map[string]string{"guests": fmt.Sprint("1:", burst)}
	ask := func(t *testing.T, s *site, forwarded string) (status, retry int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+"/api/guests", strings.NewReader(`{"name":"Ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", forwarded)
		return problemOr(t, r, http.StatusCreated)
	}
	// upTo asks until it is refused, each time as from says.
	upTo := func(t *testing.T, s *site, from func(n int) string) {
		t.Helper()
		begun := time.Now()
		for made := 0; ; made++ {
			tooSlow(t, begun)
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
		s := run(t, Config{Limit: limit, TrustedProxies: []string{"127.0.0.1"}})
		for _, client := range []string{"198.51.100.1", "198.51.100.2"} {
			upTo(t, s, func(n int) string { return fmt.Sprintf("192.0.2.%d, %s", n, client) })
		}
	})
	t.Run("behind nobody", func(t *testing.T) {
		s := run(t, Config{Limit: limit})
		upTo(t, s, func(n int) string { return fmt.Sprint("198.51.100.", n) })
	})
	t.Run("lab", func(t *testing.T) {
		s := run(t, Config{Limits: "lab"})
		for n := range 200 {
			if status, _ := ask(t, s, ""); status != http.StatusCreated {
				t.Fatalf("guest %d is answered by %d", n+1, status)
			}
		}
	})
}
