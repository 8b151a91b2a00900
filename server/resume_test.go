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

// TestStreamResumesExactly promises: whenever a room's stream breaks and whatever
// happens meanwhile, the next one gives each message that is new or has changed,
// once, as it is, in order of rev, and no other; and so does changed=REV.
func TestStreamResumesExactly(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WEFT_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("WEFT_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := startServer(t, Config{Limits: "lab"})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	const path = "/api/rooms/r/messages"
	have := map[string]store.Message{} // what a client that follows the stream shows
	var ids []string
	act := func() {
		one := func() string { return path + "/" + ids[random.IntN(len(ids))] }
		code := 0
		switch n := random.IntN(10); {
		case len(ids) == 0 || n < 4:
			ids = append(ids, fmt.Sprint("m", len(ids)))
			post := map[string]any{"id": ids[len(ids)-1], "text": fmt.Sprint("text ", len(ids))}
			if n == 3 && len(ids) > 1 {
				post["thread"] = ids[0] // which changes that one too
			}
			code = s.requestJSON(t, "POST", path, ana.Token, post, nil)
		case n < 6:
			code = s.requestJSON(t, "PATCH", one(), ana.Token, map[string]any{"text": fmt.Sprint("edited ", random.IntN(5))}, nil)
		case n < 9:
			code = s.requestJSON(t, "PUT", one()+"/reactions/"+url.PathEscape([]string{"👍", "🎉"}[random.IntN(2)]), ben.Token, map[string]any{}, nil)
		case random.IntN(4) == 0 && len(ids) > 1:
			code = s.requestJSON(t, "DELETE", path+"/"+ids[1+random.IntN(len(ids)-1)], ana.Token, nil, nil)
		default:
			return
		}
		if code >= 500 || code == http.StatusTooManyRequests {
			t.Fatalf("answered by %d", code)
		}
	}
	last, rev, seq := "", store.Rev(0), store.Seq(0)
	var page struct {
		Messages  []store.Message
		Rev       store.Rev
		Epoch     string
		Recovered *bool
	}
	for round := range 25 {
		for range random.IntN(12) {
			act()
		}
		c := s.followRoom(t, "r", ana.Token, last)
		if c.Recovered != (last != "") {
			t.Fatalf("round %d: recovered is %v after %q", round, c.Recovered, last)
		}
		if last == "" {
			page.Messages = nil
			s.requestJSON(t, "GET", path+"?limit=200", ana.Token, nil, &page)
			for _, m := range page.Messages {
				have[m.ID] = m
			}
			rev, seq = c.Rev, c.Seq
		} else if random.IntN(2) == 0 {
			// A page at a time over HTTP gives the same.
			want, at := 0, rev
			for {
				page.Messages, page.Recovered = nil, nil
				if code := s.requestJSON(t, "GET", fmt.Sprintf("%s?changed=%d&epoch=%s&limit=3", path, at, c.Epoch), ana.Token, nil, &page); code != 200 || page.Recovered == nil || !*page.Recovered {
					t.Fatalf("%d: %+v", code, page)
				}
				if len(page.Messages) == 0 {
					break
				}
				for _, m := range page.Messages {
					if m.Rev <= at {
						t.Fatalf("rev %d after %d", m.Rev, at)
					}
					at = m.Rev
					want++
				}
			}
			if at != c.Rev && want > 0 {
				t.Errorf("changed=%d ends at %d of %d", rev, at, c.Rev)
			}
		}
		// Some of it is read, some more happens, and the stream breaks.
		for range random.IntN(4) {
			act()
		}
		end, err := s.store.LastRev(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		before := seq
		for rev < end && random.IntN(12) > 0 {
			m, name := c.readMessage(t)
			if m.Rev <= rev {
				t.Fatalf("round %d: rev %d after %d", round, m.Rev, rev)
			}
			if known, ok := have[m.ID]; ok && known.Rev >= m.Rev {
				t.Fatalf("round %d: %+v again", round, m)
			}
			if _, known := have[m.ID]; !known && name != "message" && m.Seq > before {
				t.Errorf("round %d: new message %d is told as %s", round, m.Seq, name)
			}
			have[m.ID], rev, seq = m, m.Rev, max(seq, m.Seq)
		}
		last = c.id
		c.body.Close()
	}
	// At the end all is read, and it is what there is.
	act()
	c := s.followRoom(t, "r", ana.Token, last)
	for rev < c.Rev {
		m, _ := c.readMessage(t)
		have[m.ID], rev = m, m.Rev
	}
	all, err := s.store.Changes(t.Context(), "r", 0, 200)
	if err != nil || len(all) != len(have) {
		t.Fatalf("%d messages, and %d are shown: %v", len(all), len(have), err)
	}
	for _, m := range all {
		if want, got := marshalJSON(t, m), marshalJSON(t, have[m.ID]); want != got {
			t.Errorf("shown is %s\nand there is %s", got, want)
		}
	}
}

func marshalJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStreamSaysWhatItCannotResume promises: a client that has been away too long,
// or whose history is another one, is told so.
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
	first := s.followRoom(t, "r", ana.Token, "")
	if first.Recovered || first.Rev != 5 || first.Seq != 5 || first.Epoch == "" {
		t.Errorf("a new client is told %+v", first)
	}
	fill(5, 1005)
	if c := s.followRoom(t, "r", ana.Token, first.id); !c.Recovered {
		t.Error("1,000 changes are not caught up with")
	} else {
		for seq := store.Seq(6); seq <= 1005; seq++ {
			if m, name := c.readMessage(t); m.Seq != seq || name != "message" {
				t.Fatalf("%s %d, want message %d", name, m.Seq, seq)
			}
		}
	}
	fill(1005, 1006)
	for name, last := range map[string]string{
		"1,001 changes":   first.id,
		"another history": "other-5-5",
		"the future":      first.Epoch + "-1007-1007",
		"no id of ours":   "17",
		"half of one":     first.Epoch + "-5",
		"below nothing":   first.Epoch + "--5-5",
		"too long":        first.Epoch + "-5-" + strings.Repeat("0", 200) + "5",
	} {
		if c := s.followRoom(t, "r", ana.Token, last); c.Recovered || c.Rev != 1006 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for query, want := range map[string]bool{
		"changed=5": true, "changed=1006": true, "changed=1007": false, "changed=5&epoch=" + first.Epoch: true, "changed=5&epoch=other": false,
	} {
		var page struct {
			Messages  []store.Message
			Recovered bool
		}
		if code := s.requestJSON(t, "GET", "/api/rooms/r/messages?"+query, ana.Token, nil, &page); code != 200 || page.Recovered != want {
			t.Errorf("%s: %d, recovered %v", query, code, page.Recovered)
		}
		if !want && (len(page.Messages) != 50 || page.Messages[49].Seq != 1006) {
			t.Errorf("%s: no full page but %d messages", query, len(page.Messages))
		}
	}
}

// TestRestoredBackupIsAnotherHistory: what a client saw after the backup is gone,
// and its numbers are given anew, so it must not go on from there.
func TestRestoreStartsANewEpoch(t *testing.T) {
	dir := t.TempDir()
	file, restored := filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	s := startServer(t, Config{Data: filepath.Join(dir, "data"), Limits: "lab"})
	ana := s.createGuest(t, "Ana")
	post := func(s *testServer, id string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": id, "text": id}, nil); code != http.StatusCreated {
			t.Fatalf("%s: %d", id, code)
		}
	}
	post(s, "kept")
	if _, err := Backup(t.Context(), filepath.Join(dir, "data"), file); err != nil {
		t.Fatal(err)
	}
	c := s.followRoom(t, "r", ana.Token, "")
	post(s, "gone")
	if m, _ := c.readMessage(t); m.ID != "gone" {
		t.Fatalf("%+v", m)
	}
	if _, err := Restore(t.Context(), restored, file); err != nil {
		t.Fatal(err)
	}
	again := startServer(t, Config{Data: restored, Limits: "lab"})
	post(again, "other") // seq 2 and rev 2 are its now
	if n := again.followRoom(t, "r", ana.Token, c.id); n.Recovered || n.Rev != 2 || n.Epoch == c.Epoch {
		t.Errorf("after the restore a client is told %+v", n)
	}
	if n := s.followRoom(t, "r", ana.Token, c.id); !n.Recovered {
		t.Errorf("and without one %+v", n)
	}
}

// TestStreamEndsWithTheRight: who may not read any more is told nothing more, and
// one person has a bounded number of streams.
func TestStreamEndsWhenReadAccessIsRemoved(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), APIKey: strings.Repeat("k", 32), Limits: "lab"})
	ana, ben := s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), s.newUser(t, "ben", auth.Grant{Pattern: "**", Role: auth.Read})
	c := s.followRoom(t, "r", ben.Token, "")
	post := func(id string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]any{"id": id, "text": id}, nil); code != http.StatusCreated {
			t.Fatalf("%s: %d", id, code)
		}
	}
	post("m1")
	if m, name := c.readMessage(t); m.ID != "m1" || name != "message" {
		t.Fatalf("%+v", m)
	}
	if code := s.requestJSON(t, "PUT", "/api/users/ben/access", strings.Repeat("k", 32), map[string]any{"rooms": [][]string{{"**", "none"}}}, nil); code != 200 {
		t.Fatal(code)
	}
	post("m2")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			break // the end, as it must be
		}
		if strings.Contains(line, "m2") {
			t.Fatalf("ben is told %q", line)
		}
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/events", ben.Token, nil, nil); code != http.StatusForbidden {
		t.Errorf("and can come back: %d", code)
	}
	for range 20 {
		s.followRoom(t, "r", ana.Token, "")
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/events", ana.Token, nil, nil); code != http.StatusTooManyRequests {
		t.Errorf("stream 21 is answered by %d", code)
	}
}
