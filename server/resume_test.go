package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weft/server/auth"
	"weft/server/store"
)

// TestStreamResumesExactly checks a client whose stream breaks again and again while
// messages are posted, edited, reacted to and deleted. Each time, the next stream must
// deliver each new or changed message once, in its current state, in order of rev, and no
// other. So must changed=REV over HTTP.
func TestStreamResumesExactly(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WEFT_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("WEFT_SEED=%d", seed)
	s := startServer(t, Config{Limits: "lab"})
	r := &resumingClient{
		T: t, s: s, random: rand.New(rand.NewPCG(seed, 1)),
		ana: s.createGuest(t, "Ana"), ben: s.createGuest(t, "Ben"), shown: map[string]store.Message{},
	}
	for round := range 25 {
		for range r.random.IntN(12) {
			r.changeChat()
		}
		stream := s.followRoom(t, "r", r.ana.Token, r.last)
		if stream.Recovered != (r.last != "") {
			t.Fatalf("round %d: recovered is %v after the id %q", round, stream.Recovered, r.last)
		}
		if r.last == "" {
			r.loadAll(stream)
		} else if r.random.IntN(2) == 0 {
			r.checkChangedPages(stream)
		}
		for range r.random.IntN(4) {
			r.changeChat()
		}
		r.readSome(round, stream)
		r.last = stream.id
		stream.body.Close()
	}
	r.changeChat()
	r.readRest()
	r.checkShown()
}

// resumingClient is a client that follows a room's stream, which breaks, and shows the
// messages that it received.
type resumingClient struct {
	*testing.T
	s        *testServer
	random   *rand.Rand
	ana, ben testUser
	ids      []string // of all messages that were posted

	shown map[string]store.Message
	last  string // the id of the last event
	rev   store.Rev
	seq   store.Seq
}

const resumeMessages = "/api/rooms/r/messages"

// changeChat posts, edits, reacts to or deletes a random message, or does nothing.
func (r *resumingClient) changeChat() {
	r.Helper()
	pick := func() string { return resumeMessages + "/" + r.ids[r.random.IntN(len(r.ids))] }
	code := 0
	switch n := r.random.IntN(10); {
	case len(r.ids) == 0 || n < 4:
		r.ids = append(r.ids, fmt.Sprint("m", len(r.ids)))
		post := map[string]any{"id": r.ids[len(r.ids)-1], "text": fmt.Sprint("text ", len(r.ids))}
		if n == 3 && len(r.ids) > 1 {
			post["thread"] = r.ids[0] // a reply also changes the thread's root
		}
		code = r.s.requestJSON(r.T, "POST", resumeMessages, r.ana.Token, post, nil)
	case n < 6:
		code = r.s.requestJSON(r.T, "PATCH", pick(), r.ana.Token, map[string]any{"text": fmt.Sprint("edited ", r.random.IntN(5))}, nil)
	case n < 9:
		code = r.s.requestJSON(r.T, "PUT", pick()+"/reactions/"+url.PathEscape([]string{"👍", "🎉"}[r.random.IntN(2)]), r.ben.Token, map[string]any{}, nil)
	case r.random.IntN(4) == 0 && len(r.ids) > 1:
		code = r.s.requestJSON(r.T, "DELETE", resumeMessages+"/"+r.ids[1+r.random.IntN(len(r.ids)-1)], r.ana.Token, nil, nil)
	default:
		return
	}
	if code >= 500 || code == http.StatusTooManyRequests {
		r.Fatalf("changing the chat: status %d", code)
	}
}

// loadAll loads all messages, as a client does whose stream cannot resume.
func (r *resumingClient) loadAll(stream *roomStream) {
	r.Helper()
	var page struct{ Messages []store.Message }
	r.s.requestJSON(r.T, "GET", resumeMessages+"?limit=200", r.ana.Token, nil, &page)
	for _, m := range page.Messages {
		r.shown[m.ID] = m
	}
	r.rev, r.seq = stream.Rev, stream.Seq
}

// checkChangedPages checks that the pages of changed=REV are in order of rev and end where
// the stream begins.
func (r *resumingClient) checkChangedPages(stream *roomStream) {
	r.Helper()
	count, at := 0, r.rev
	for {
		var page struct {
			Messages  []store.Message
			Recovered *bool
		}
		path := fmt.Sprintf("%s?changed=%d&epoch=%s&limit=3", resumeMessages, at, stream.Epoch)
		if code := r.s.requestJSON(r.T, "GET", path, r.ana.Token, nil, &page); code != 200 || page.Recovered == nil || !*page.Recovered {
			r.Fatalf("changed=%d: status %d, %+v; want 200 and recovered", at, code, page)
		}
		if len(page.Messages) == 0 {
			break
		}
		for _, m := range page.Messages {
			if m.Rev <= at {
				r.Fatalf("changed=%d: rev %d after %d", r.rev, m.Rev, at)
			}
			at = m.Rev
			count++
		}
	}
	if at != stream.Rev && count > 0 {
		r.Errorf("changed=%d ends at rev %d, want %d", r.rev, at, stream.Rev)
	}
}

// readSome reads a random number of the changes that the stream has to deliver.
func (r *resumingClient) readSome(round int, stream *roomStream) {
	r.Helper()
	end, err := r.s.store.LastRev(r.Context(), "r")
	if err != nil {
		r.Fatal(err)
	}
	before := r.seq
	for r.rev < end && r.random.IntN(12) > 0 {
		m, name := stream.readMessage(r.T)
		if m.Rev <= r.rev {
			r.Fatalf("round %d: rev %d after %d", round, m.Rev, r.rev)
		}
		if known, ok := r.shown[m.ID]; ok && known.Rev >= m.Rev {
			r.Fatalf("round %d: %+v is delivered twice", round, m)
		}
		if _, known := r.shown[m.ID]; !known && name != "message" && m.Seq > before {
			r.Errorf("round %d: new message %d is delivered as %s, want message", round, m.Seq, name)
		}
		r.shown[m.ID], r.rev, r.seq = m, m.Rev, max(r.seq, m.Seq)
	}
}

// readRest resumes once more and reads everything.
func (r *resumingClient) readRest() {
	r.Helper()
	stream := r.s.followRoom(r.T, "r", r.ana.Token, r.last)
	for r.rev < stream.Rev {
		m, _ := stream.readMessage(r.T)
		r.shown[m.ID], r.rev = m, m.Rev
	}
}

// checkShown compares the messages that are shown with those that are stored.
func (r *resumingClient) checkShown() {
	r.Helper()
	all, err := r.s.store.Changes(r.Context(), "r", 0, 200)
	if err != nil || len(all) != len(r.shown) {
		r.Fatalf("%d messages are stored, %d are shown; error %v", len(all), len(r.shown), err)
	}
	for _, m := range all {
		if want, got := marshalJSON(r.T, m), marshalJSON(r.T, r.shown[m.ID]); want != got {
			r.Errorf("shown is %s\nwant     %s", got, want)
		}
	}
}

// marshalJSON returns the JSON of v.
func marshalJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStreamReportsWhenItCannotResume checks that a stream resumes over at most 1,000
// changes, and that "connected" is not "recovered" after more changes, with another
// epoch, or with an invalid id.
func TestStreamReportsWhenItCannotResume(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana := s.createGuest(t, "Ana")
	fill := func(from, to int) {
		t.Helper()
		var g errgroup.Group
		g.SetLimit(64)
		for n := from; n < to; n++ {
			g.Go(func() error {
				_, _, err := s.store.PostMessage(context.Background(), store.Message{ID: fmt.Sprint("m", n), Room: "r", User: store.User{ID: "u"}, Text: "x"}, store.NoOutbox)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	fill(0, 5)
	start := s.followRoom(t, "r", ana.Token, "")
	if start.Recovered || start.Rev != 5 || start.Seq != 5 || start.Epoch == "" {
		t.Errorf("a new client's first event is %+v, want rev 5, seq 5, an epoch, not recovered", start)
	}
	fill(5, 1005)
	if c := s.followRoom(t, "r", ana.Token, start.id); !c.Recovered {
		t.Error("the stream does not resume over 1,000 changes")
	} else {
		for seq := store.Seq(6); seq <= 1005; seq++ {
			if m, name := c.readMessage(t); m.Seq != seq || name != "message" {
				t.Fatalf("got %s %d, want message %d", name, m.Seq, seq)
			}
		}
	}
	fill(1005, 1006)
	for name, last := range map[string]string{
		"1,001 changes": start.id,
		"another epoch": "other-5-5",
		"a future rev":  start.Epoch + "-1007-1007",
		"no epoch":      "17",
		"no seq":        start.Epoch + "-5",
		"negative rev":  start.Epoch + "--5-5",
		"too long":      start.Epoch + "-5-" + strings.Repeat("0", 200) + "5",
	} {
		if c := s.followRoom(t, "r", ana.Token, last); c.Recovered || c.Rev != 1006 {
			t.Errorf("%s: the first event is %+v, want rev 1006, not recovered", name, c)
		}
	}
	for query, want := range map[string]bool{
		"changed=5": true, "changed=1006": true, "changed=1007": false, "changed=5&epoch=" + start.Epoch: true, "changed=5&epoch=other": false,
	} {
		var page struct {
			Messages  []store.Message
			Recovered bool
		}
		if code := s.requestJSON(t, "GET", "/api/rooms/r/messages?"+query, ana.Token, nil, &page); code != 200 || page.Recovered != want {
			t.Errorf("%s: status %d, recovered %v; want 200, %v", query, code, page.Recovered, want)
		}
		if !want && (len(page.Messages) != 50 || page.Messages[49].Seq != 1006) {
			t.Errorf("%s: got %d messages, want the last 50", query, len(page.Messages))
		}
	}
}

// TestRestoreStartsANewEpoch checks that a restored server does not resume streams from
// before. Messages after the backup are lost and their numbers are assigned again, so a
// client must load everything.
func TestRestoreStartsANewEpoch(t *testing.T) {
	dir := t.TempDir()
	file, restored := filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	s := startServer(t, Config{Data: filepath.Join(dir, "data"), Limits: "lab"})
	ana := s.createGuest(t, "Ana")
	post := func(s *testServer, id string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": id, "text": id}, nil); code != http.StatusCreated {
			t.Fatalf("posting %s: status %d, want 201", id, code)
		}
	}
	post(s, "kept")
	if _, err := Backup(t.Context(), filepath.Join(dir, "data"), file); err != nil {
		t.Fatal(err)
	}
	c := s.followRoom(t, "r", ana.Token, "")
	post(s, "gone")
	if m, _ := c.readMessage(t); m.ID != "gone" {
		t.Fatalf("got %+v, want the message gone", m)
	}
	if _, err := Restore(t.Context(), restored, file); err != nil {
		t.Fatal(err)
	}
	restarted := startServer(t, Config{Data: restored, Limits: "lab"})
	post(restarted, "other") // gets seq 2 and rev 2, which the lost message had
	if n := restarted.followRoom(t, "r", ana.Token, c.id); n.Recovered || n.Rev != 2 || n.Epoch == c.Epoch {
		t.Errorf("after the restore the first event is %+v, want rev 2, a new epoch, not recovered", n)
	}
	if n := s.followRoom(t, "r", ana.Token, c.id); !n.Recovered {
		t.Errorf("on the first server the first event is %+v, want it recovered", n)
	}
}

// TestStreamEndsWhenReadAccessIsRemoved checks that a room's stream is closed when the
// person loses read access, and that one person can open at most 20 streams.
func TestStreamEndsWhenReadAccessIsRemoved(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), APIKey: strings.Repeat("k", 32), Limits: "lab"})
	ana, ben := s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), s.newUser(t, "ben", auth.Grant{Pattern: "**", Role: auth.Read})
	c := s.followRoom(t, "r", ben.Token, "")
	post := func(id string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": id, "text": id}, nil); code != http.StatusCreated {
			t.Fatalf("posting %s: status %d, want 201", id, code)
		}
	}
	post("m1")
	if m, name := c.readMessage(t); m.ID != "m1" || name != "message" {
		t.Fatalf("got %s %+v, want message m1", name, m)
	}
	if code := s.requestJSON(t, "PUT", "/api/users/ben/access", strings.Repeat("k", 32), map[string]any{"rooms": [][]string{{"**", "none"}}}, nil); code != 200 {
		t.Fatalf("PUT access: status %d, want 200", code)
	}
	post("m2")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			break // closed, as it should be
		}
		if strings.Contains(line, "m2") {
			t.Fatalf("without read access ben receives %q", line)
		}
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/events", ben.Token, nil, nil); code != http.StatusForbidden {
		t.Errorf("reconnecting without read access: status %d, want 403", code)
	}
	for range 20 {
		s.followRoom(t, "r", ana.Token, "")
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/events", ana.Token, nil, nil); code != http.StatusTooManyRequests {
		t.Errorf("stream 21: status %d, want 429", code)
	}
}
