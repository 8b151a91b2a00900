package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"weft/server/auth"
	"weft/server/store"
)

// hostileTexts are legal messages that would do harm where text is interpreted as markup,
// a header, a line of an event stream, a query or a key.
var hostileTexts = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `</textarea><iframe srcdoc="<script>1</script>">`,
	`javascript:alert(1)`, `[x](javascript:alert(1))`, `![x](https://evil.invalid/x.png)`, "`</code><b>`", `&lt;b&gt; &#60;b&#62; &amp;amp;`,
	"one\n\nevent: notification\nid: 9\ndata: {\"title\":\"forged\"}\n\n", ": a comment\nretry: 1\n\n",
	"\u2028\u2029\u0085x", "\u202egnp.exe\u202c", "\ufeffx\u200b\u200d", "\\u0000 \\r\\n \\\"", "%0d%0aSet-Cookie: a=b", "{{7*7}} ${7*7} <%= 7 %>",
	`'; DROP TABLE messages; --`, `" OR 1=1 NEAR(a b) col:x *`, "weft:presence:{r}:people", "*\t?[a-z]", "😀\u0301\u0301\u0301\u0301", "\ufffd\ufffe\U0010ffff",
}

// TestHostileTextIsReturnedUnchanged checks that names and messages are returned unchanged
// at every door, or are refused or cleaned as documented. None of them may forge an
// event, a header or a log line.
func TestHostileTextIsReturnedUnchanged(t *testing.T) {
	var log logBuffer
	s := startServer(t, Config{Limit: map[string]string{"chat": "0", "room-chat": "0"}, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ben := s.createGuest(t, "Ben")
	socket := s.joinRoom(t, ben, "r") // makes Ben a member, so that he can be mentioned
	stream := s.openRawStream(t, "/api/events", ben.Token, "")

	for i, text := range hostileTexts {
		name := text
		ana := s.createGuest(t, name)
		if want := auth.CleanName(name); want != "" && ana.User.Name != want || strings.ContainsFunc(ana.User.Name, unicode.IsControl) {
			t.Errorf("name %q: got %q, want %q", name, ana.User.Name, want)
		}
		id := fmt.Sprint("m", i)
		text += " @" + ben.User.ID
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": id, "text": text}, nil); code != http.StatusUnprocessableEntity {
				t.Errorf("posting %q: status %d, want %d", text, code, http.StatusUnprocessableEntity)
			}
			continue
		}
		post := map[string]any{"id": id, "text": text, "quote": map[string]any{text: text}}
		var stored, read store.Message
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, post, &stored); code != http.StatusCreated || stored.Text != text {
			t.Fatalf("posting %q: status %d, stored %q; want %d and the same text", text, code, stored.Text, http.StatusCreated)
		}
		event := socket.waitFor("the message", func(g received) bool { return g.name == "message" && g.value["id"] == id })
		if event.value["text"] != text || fmt.Sprint(event.value["quote"]) != fmt.Sprint(post["quote"]) {
			t.Errorf("text %q arrives over the WebSocket as %q, quote %v", text, event.value["text"], event.value["quote"])
		}
		var page struct{ Messages []store.Message }
		if code := s.requestJSON(t, "GET", "/api/rooms/r/messages?limit=1", ana.Token, nil, &page); code != http.StatusOK || len(page.Messages) != 1 {
			t.Fatalf("GET messages: status %d, %v; want 200 and one message", code, page)
		}
		if read = page.Messages[0]; read.Text != text || !isSameJSON(read.Quote, post["quote"]) || read.User.Name != ana.User.Name {
			t.Errorf("text %q is read over HTTP as %+v", text, read)
		}
		// The notification is one event, with one line each for id, name and data.
		notification := stream.readEvent(t, "notification")
		var n struct{ Title, Body string }
		if err := json.Unmarshal([]byte(notification["data"]), &n); err != nil || !strings.Contains(n.Title, ana.User.Name) || strings.ContainsFunc(notification["id"], unicode.IsControl) {
			t.Errorf("text %q makes the event %q, error %v", text, notification, err)
		}
		if !strings.HasPrefix(text, n.Body) && !strings.HasPrefix(text, strings.TrimSuffix(n.Body, "…")) {
			t.Errorf("text %q makes a notification with the body %q", text, n.Body)
		}
	}
	for _, line := range log.lines() {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("the log has a forged line: %q", line)
		}
	}
}

// TestHostileQueriesAreSearchedAsText checks that the words of a query are searched for
// literally, also where they are operators of SQLite's full-text search, and that only
// messages of the room are found. It also sends hostile reactions and edits.
func TestHostileQueriesAreSearchedAsText(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana := s.createGuest(t, "Ana")
	for i, text := range []string{`<b>secret</b> "apple" pie`, "pear", "OR NEAR AND NOT", "column text rowid words"} {
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": fmt.Sprint("m", i), "text": text}, nil); code != http.StatusCreated {
			t.Fatal(code)
		}
	}
	if code := s.requestJSON(t, "POST", "/api/rooms/other/messages", ana.Token, map[string]any{"text": "apple pear of another room"}, nil); code != http.StatusCreated {
		t.Fatal(code)
	}
	for query, want := range map[string]string{
		`apple`: "m0", `"apple`: "m0", `apple"`: "m0", `<b>secret`: "m0", `app*`: "", `apple OR pear`: "", `apple AND pie`: "",
		`NOT pear`: "", `NEAR(apple pie)`: "", `text:apple`: "", `text : column`: "m3", `{text} : apple`: "", `^pear`: "m1", `-apple`: "m0", `+apple + pie`: "m0",
		`pear"; DROP TABLE messages; --`: "", `pear' OR '1'='1`: "", `%`: "", `_`: "", `*`: "", `""`: "", `"`: "", `()`: "", `rowid`: "m3", "\\": "", "pear\n": "m1",
		"OR NEAR AND": "m2", "\u202epear": "", "pear\u0301": "",
	} {
		var found struct {
			Results []struct{ Message store.Message }
		}
		code := s.requestJSON(t, "GET", "/api/rooms/r/search?q="+url.QueryEscape(query), ana.Token, nil, &found)
		if code != http.StatusOK && code != http.StatusUnprocessableEntity {
			t.Errorf("query %q: status %d, want 200 or 422", query, code)
		}
		for _, r := range found.Results {
			if r.Message.Room != "r" || want != "" && r.Message.ID != want {
				t.Errorf("query %q finds %+v, want %s", query, r.Message, want)
			}
		}
		if want != "" && len(found.Results) != 1 {
			t.Errorf("query %q finds %d messages, want %s alone", query, len(found.Results), want)
		}
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/search?q="+url.QueryEscape(strings.Repeat("a ", 5000)), ana.Token, nil, nil); code != http.StatusUnprocessableEntity {
		t.Errorf("a query of 10,000 characters: status %d, want 422", code)
	}
	// Reactions, edits and quotes.
	for emoji, ok := range map[string]bool{"👍": true, "👩‍👩‍👧": true, "<b>": false, "a": false, "👍👍": false, "👍\r\n": false, "../x": false, "\u202e": false, strings.Repeat("👍", 30): false} {
		code := s.requestJSON(t, "PUT", "/api/rooms/r/messages/m1/reactions/"+url.PathEscape(emoji), ana.Token, map[string]any{}, nil)
		if ok != (code == http.StatusOK) || !ok && code >= 500 {
			t.Errorf("reaction %q: status %d, want it accepted: %v", emoji, code, ok)
		}
	}
	for _, text := range []string{"a\x00b", "\x1b[2J", "", " "} {
		if code := s.requestJSON(t, "PATCH", "/api/rooms/r/messages/m1", ana.Token, map[string]any{"text": text}, nil); code != http.StatusUnprocessableEntity {
			t.Errorf("edit to %q: status %d, want 422", text, code)
		}
	}
	var m store.Message
	if code := s.requestJSON(t, "PATCH", "/api/rooms/r/messages/m1", ana.Token, map[string]any{"text": hostileTexts[1]}, &m); code != http.StatusOK || m.Text != hostileTexts[1] {
		t.Errorf("edit to %q: status %d, stored %q", hostileTexts[1], code, m.Text)
	}
}

// TestHostileNamesAreRefused checks the form of ids, room names and users, which become
// part of URLs, keys and headers. An invalid one is refused with a problem, and nothing is
// stored. Unusual but valid room names are separate rooms.
func TestHostileNamesAreRefused(t *testing.T) {
	var log logBuffer
	s := startServer(t, Config{APIKey: strings.Repeat("k", 32), Limit: map[string]string{"chat": "0"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, id := range []string{"a b", "a\r\nSet-Cookie: x=1", "a\x00", "<b>", "../m", "ä", "a/b", "a?b#c", "{r}", "*", strings.Repeat("a", 65)} {
		answer, body := requestAsBackend(t, s, "POST", "/api/rooms/r/messages", "", map[string]string{"id": id, "text": "x"})
		wantProblem(t, fmt.Sprintf("the message id %q", id), 422, answer, body)
		answer, body = requestAsBackend(t, s, "POST", "/api/rooms/r/messages", "", map[string]string{"thread": id, "text": "x"})
		wantProblem(t, fmt.Sprintf("the thread %q", id), 422, answer, body)
	}
	for _, text := range []string{"a\rb", "a\x00b", "\x1b[2Jx", "a\x7f", "\u0085", "", " \n\t\u3000"} {
		answer, body := requestAsBackend(t, s, "POST", "/api/rooms/r/messages", "", map[string]string{"text": text})
		wantProblem(t, fmt.Sprintf("the text %q", text), 422, answer, body)
	}
	for _, room := range []string{"..", "a/../b", "a//b", "/a", "a/", ".", "a\r\nb", "a\x00", "a\x7fb", "\u0085", "a\xff", strings.Repeat("r", 129)} {
		answer, body := requestAsBackend(t, s, "GET", "/api/rooms/"+url.PathEscape(room)+"/messages", "", nil)
		wantProblem(t, fmt.Sprintf("the room %q", room), 400, answer, body)
	}
	for _, user := range []string{"a b", "\u00e4\u0085", strings.Repeat("u", 129)} {
		answer, body := requestAsBackend(t, s, "POST", "/api/rooms/r/messages", user, map[string]string{"text": "x"})
		wantProblem(t, fmt.Sprintf("the person %q", user), 400, answer, body)
	}
	if last, err := s.store.LastSeq(t.Context(), "r"); last != 0 || err != nil {
		t.Errorf("%d messages were stored, want none; error %v", last, err)
	}
	checkUnusualRoomsAreSeparate(t, s)
	for _, line := range log.lines() {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("the log has a forged line: %q", line)
		}
	}
}

// checkUnusualRoomsAreSeparate posts in rooms whose names have a meaning in Redis, URLs, SQL
// or paths, and checks that no message is in another room.
func checkUnusualRoomsAreSeparate(t *testing.T, s *testServer) {
	t.Helper()
	strange := []string{"{r}", "r}:{s", "a:b", "*", "a?b#c", "a%2Fb", "r\u2028", "<b>", "'; --", "weft:*", "C:\\x", "\u202er"}
	for i, room := range strange {
		if answer, body := requestAsBackend(t, s, "POST", "/api/rooms/"+url.PathEscape(room)+"/messages", "", map[string]string{"text": room}); answer.StatusCode != http.StatusCreated {
			t.Fatalf("posting in room %q: status %s, %s", room, answer.Status, body)
		}
		for j, other := range strange {
			var page struct{ Messages []store.Message }
			answer, body := requestAsBackend(t, s, "GET", "/api/rooms/"+url.PathEscape(other)+"/messages", "", nil)
			if err := json.Unmarshal(body, &page); err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("reading room %q: status %s, error %v", other, answer.Status, err)
			}
			if want := map[bool]int{true: 1}[j <= i]; len(page.Messages) != want || want == 1 && page.Messages[0].Text != other {
				t.Errorf("after posting in %q, room %q has %v, want %d messages", room, other, page.Messages, want)
			}
		}
	}
}

// requestAsBackend makes a request with the API key on behalf of user, unless that is
// empty. It returns the response and its body.
func requestAsBackend(t *testing.T, s *testServer, method, path, user string, body any) (*http.Response, []byte) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("k", 32))
	if user != "" {
		r.Header.Set("X-Weft-User", user)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, got
}

// wantProblem checks that the response is a problem with that status and has no forged
// header.
func wantProblem(t *testing.T, what string, status int, answer *http.Response, body []byte) {
	t.Helper()
	if answer.StatusCode != status || answer.Header.Get("Content-Type") != "application/problem+json" || !json.Valid(body) {
		t.Errorf("%s: got %s, %s; want a problem with status %d", what, answer.Status, body, status)
	}
	for name, values := range answer.Header {
		if name == "Set-Cookie" || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
			t.Errorf("%s forges the header %s: %q", what, name, values)
		}
	}
}

// isSameJSON reports whether a is the JSON of b.
func isSameJSON(a json.RawMessage, b any) bool {
	var x, y any
	text, err := json.Marshal(b)
	return err == nil && json.Unmarshal(a, &x) == nil && json.Unmarshal(text, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}
