package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"weft/crdt"
)

// A guest is a user of the HTTP API.
type guest struct {
	t *testing.T
	// token authenticates the guest.
	id, token string
}

func createGuest(t *testing.T, p *process, name string) *guest {
	t.Helper()
	var made struct {
		User  struct{ ID, Name string }
		Token string
	}
	g := &guest{t: t}
	g.request(p, http.MethodPost, "/api/guests", map[string]string{"name": name}, http.StatusCreated, &made)
	g.id, g.token = made.User.ID, made.Token
	return g
}

// ask sends a request, fails the test unless the status is want, and decodes the answer.
func (g *guest) request(p *process, method, path string, body any, want int, answer any) {
	g.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, "http://"+p.host+path, bytes.NewReader(sent))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		g.t.Fatalf("%s %s: status %d, want %d: %s %v", method, path, resp.StatusCode, want, got, err)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(got, answer); err != nil {
		g.t.Fatalf("%s %s: %v in %s", method, path, err, got)
	}
}

type message struct {
	ID   string
	Seq  int
	Text string
	User struct{ ID, Name string }
}

type inbox struct {
	Notifications []struct {
		ID, Kind, Room string
		ReadAt         *time.Time
	}
	Unread int
}

// TestKillKeepsEverything checks that the document, the chat, the notifications and the
// users' identities are the same after SIGKILL and a restart.
func TestKillKeepsEverything(t *testing.T) {
	const room = "class/7/notes"
	api := "/api/rooms/" + url.PathEscape(room)
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data)
	ana, ben := createGuest(t, p, "Ana"), createGuest(t, p, "Ben")

	// Ben has been in the room, so that he can be mentioned, and has written.
	client := newClient(t, room, 5)
	client.header = http.Header{"Authorization": {"Bearer " + ben.token}}
	if err := client.connect(p); err != nil {
		t.Fatal(err)
	}
	acked := make(chan struct{})
	client.edit(func(doc *crdt.Doc) ([]byte, error) { return doc.InsertText(root, 0, "Photosynthesis") }, func() { close(acked) })
	select {
	case <-acked:
	case <-time.After(timeout):
		t.Fatal("the edit is not acked")
	}
	client.drop()

	var sent [3]message
	for i, text := range []string{"hello", "look here, @Ben", "and 漢字 😀"} {
		body := map[string]string{"text": text, "id": "message-" + text[:3]}
		ana.request(p, http.MethodPost, api+"/messages", body, http.StatusCreated, &sent[i])
	}
	before := waitForMention(t, p, ben)
	ben.request(p, http.MethodPost, "/api/notifications/"+before.Notifications[0].ID+"/read", struct{}{}, http.StatusNoContent, nil)
	ana.request(p, http.MethodPost, api+"/messages", map[string]string{"text": "@Ben again"}, http.StatusCreated, nil)
	waitUntil(t, "the second mention", func() bool { return ben.inbox(p).Unread == 1 })

	p.kill()
	p = start(t, data)

	var history struct{ Messages []message }
	ana.request(p, http.MethodGet, api+"/messages", nil, http.StatusOK, &history)
	if len(history.Messages) != 4 {
		t.Fatalf("%d messages, want 4", len(history.Messages))
	}
	for i, m := range history.Messages {
		if m.Seq != i+1 || m.User.ID != ana.id {
			t.Errorf("message %d has seq %d and is by %s", i, m.Seq, m.User.Name)
		}
		if i < len(sent) && m != sent[i] {
			t.Errorf("message %d is %+v, was %+v", i, m, sent[i])
		}
	}
	var again message // the answer to posting the same id again
	ana.request(p, http.MethodPost, api+"/messages", map[string]string{"text": "hello", "id": sent[0].ID}, http.StatusCreated, &again)
	if again != sent[0] {
		t.Errorf("posting the same id again: got %+v, want %+v", again, sent[0])
	}
	after := ben.inbox(p)
	if len(after.Notifications) != 2 || after.Unread != 1 {
		t.Errorf("%d notifications, %d unread, want 2 and 1", len(after.Notifications), after.Unread)
	}
	reader := newClient(t, room, 6)
	if err := reader.connect(p); err != nil {
		t.Fatal(err)
	}
	if text := reader.text(); text != "Photosynthesis" {
		t.Errorf("the document has the text %q, want Photosynthesis", text)
	}
}

func (g *guest) inbox(p *process) (in inbox) {
	g.t.Helper()
	g.request(p, http.MethodGet, "/api/notifications", nil, http.StatusOK, &in)
	return in
}

// waitForMention waits for the guest's first notification.
func waitForMention(t *testing.T, p *process, g *guest) (in inbox) {
	t.Helper()
	waitUntil(t, "the mention", func() bool {
		in = g.inbox(p)
		return len(in.Notifications) == 1
	})
	if n := in.Notifications[0]; n.Kind != "mention" || n.Room != "class/7/notes" || n.ReadAt != nil {
		t.Errorf("the notification is %+v", n)
	}
	return in
}

// waitUntil polls condition every 10 ms and fails the test if it does not become true within
// patience.
func waitUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(timeout)
	for !condition() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%s: still waiting after %s", what, timeout)
		}
	}
}

// keepLoad lets the clients that are running go on for d. It is not for waiting until
// something has happened (waitUntil does that), but for scenarios in which the time itself is
// the point: a kill at a random moment, a pause between requests, a while in which something
// must not happen.
func keepLoad(d time.Duration) { <-time.After(d) }
