package server

import (
	"net/http"
	"strings"
	"testing"
)

// TestLimitsOverHTTP checks that a request of exactly the limit's size is accepted, and
// that a larger one by 1 is refused with the status of the contract.
func TestLimitsOverHTTP(t *testing.T) {
	s := startServer(t, Config{})
	ana := s.createGuest(t, "Ana")
	const messages = "/api/rooms/r/messages"
	message := func(text, id string) string { return `{"text":"` + text + `","id":"` + id + `"}` }
	for name, c := range map[string]struct {
		path        string
		limit, over int // the statuses at the limit, and over it
		body        func(n int) string
		most        int // the limit
	}{
		"body": {"/api/guests", http.StatusCreated, http.StatusRequestEntityTooLarge, func(n int) string {
			const rest = `{"name":"Ana"}`
			return strings.Repeat(" ", n-len(rest)) + rest
		}, 64 << 10},
		"characters of a message": {messages, http.StatusCreated, http.StatusUnprocessableEntity, func(n int) string {
			return message(strings.Repeat("😀", n), "")
		}, 4000},
		"id of a message": {messages, http.StatusCreated, http.StatusUnprocessableEntity, func(n int) string {
			return message("hello", strings.Repeat("i", n))
		}, 64},
		"room": {"", http.StatusCreated, http.StatusBadRequest, func(n int) string {
			return strings.Repeat("r", n)
		}, 128},
	} {
		for over, want := range []int{c.limit, c.over} {
			path, body := c.path, c.body(c.most+over)
			if path == "" {
				path, body = "/api/rooms/"+body+"/messages", message("hello", "")
			}
			r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+ana.Token)
			if status, _ := statusOrProblem(t, r, c.limit); status != want {
				t.Errorf("%s of size %d: status %d, want %d", name, c.most+over, status, want)
			}
		}
	}
}
