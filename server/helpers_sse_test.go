package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weft/server/chat"
	"weft/server/store"
)

// eventStream is an open stream of server-sent events, parsed as JSON.
type eventStream struct {
	t       *testing.T
	scanner *bufio.Scanner
	code    int
}

// openEvents opens a person's stream, /api/events. last, unless empty, is the id of
// the last event that was received, to resume after it.
func (s *testServer) openEvents(t *testing.T, token, last string, query ...string) *eventStream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.host+"/api/events?"+strings.Join(query, "&"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); answer.Body.Close() })
	return &eventStream{t, bufio.NewScanner(answer.Body), answer.StatusCode}
}

// sseEvent is one event of a stream.
type sseEvent struct {
	id, name string
	data     map[string]any
}

// readEvent returns the next event.
func (e *eventStream) readEvent() (ev sseEvent) {
	e.t.Helper()
	for e.scanner.Scan() {
		key, value, _ := strings.Cut(e.scanner.Text(), ": ")
		switch key {
		case "id":
			ev.id = value
		case "event":
			ev.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &ev.data); err != nil {
				e.t.Fatal(err)
			}
		case "":
			if ev.name != "" {
				return ev
			}
		}
	}
	e.t.Fatalf("the stream was closed: %v", e.scanner.Err())
	return ev
}

// rawStream is a stream of server-sent events whose lines are checked: no event may
// contain a line that the server did not intend.
type rawStream struct {
	in   *bufio.Reader
	body io.Closer
}

// openRawStream opens a stream. last, unless empty, is the id of the last event that
// was received. The stream is closed after 90 s, so that a read cannot block for ever.
func (s *testServer) openRawStream(t *testing.T, path, token, last string) rawStream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %s, want 200", path, answer.Status)
	}
	timer := time.AfterFunc(90*time.Second, func() { answer.Body.Close() })
	t.Cleanup(func() { timer.Stop(); answer.Body.Close() })
	return rawStream{bufio.NewReader(answer.Body), answer.Body}
}

// readEvent returns the fields of the next event with one of those names. It fails the
// test if a field has more than one line, or if there is a field besides id, event and
// data.
func (s rawStream) readEvent(t *testing.T, names ...string) map[string]string {
	t.Helper()
	for {
		fields := map[string]string{}
		for {
			line, err := s.in.ReadString('\n')
			if err != nil {
				t.Fatalf("the stream was closed: %v", err)
			}
			if line = strings.TrimSuffix(line, "\n"); line == "" {
				break
			}
			if strings.HasPrefix(line, ":") {
				continue
			}
			field, value, ok := strings.Cut(line, ": ")
			if _, twice := fields[field]; !ok || twice || strings.ContainsAny(line, "\r") || !slices.Contains([]string{"id", "event", "data"}, field) {
				t.Fatalf("the stream has a forged line: %q", line)
			}
			fields[field] = value
		}
		if slices.Contains(names, fields["event"]) {
			return fields
		}
	}
}

// roomStream is a room's event stream, with the fields of its first event, "connected".
type roomStream struct {
	rawStream
	Recovered bool
	chat.Position
	id string // of the last event that was read
}

// followRoom opens a room's stream and reads its first event. last, unless empty, is
// the id of the last event that was received.
func (s *testServer) followRoom(t *testing.T, room, token, last string) *roomStream {
	t.Helper()
	c := &roomStream{rawStream: s.openRawStream(t, "/api/rooms/"+url.PathEscape(room)+"/events", token, last)}
	first := c.readEvent(t, "connected", "message", "message.changed", "typing", "presence")
	if err := json.Unmarshal([]byte(first["data"]), c); err != nil || first["event"] != "connected" || first["id"] == "" {
		t.Fatalf("the first event is %v, want connected; error %v", first, err)
	}
	c.id = first["id"]
	return c
}

// readMessage returns the next message, new or changed, and the name of its event.
func (c *roomStream) readMessage(t *testing.T) (m store.Message, name string) {
	t.Helper()
	e := c.readEvent(t, "message", "message.changed")
	if err := json.Unmarshal([]byte(e["data"]), &m); err != nil {
		t.Fatal(err)
	}
	c.id = e["id"]
	return m, e["event"]
}
