package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// A talker posts chat messages as fast as they are stored, and remembers which
// the server said it has.
type talker struct {
	*guest
	path  string
	sent  int
	acked map[string]int // seq by id
}

// newTalker makes a guest who talks in the room. Their token outlives restarts.
func newTalker(t *testing.T, p *process, room string) *talker {
	t.Helper()
	return &talker{guest: newGuest(t, p, "Tess"), path: "/api/rooms/" + url.PathEscape(room) + "/messages", acked: map[string]int{}}
}

// run posts until the server has gone.
func (k *talker) run(p *process) {
	for {
		k.sent++
		id := fmt.Sprintf("talk-%d", k.sent)
		body := fmt.Appendf(nil, `{"id":%q,"text":"word %d"}`, id, k.sent)
		req, err := http.NewRequest(http.MethodPost, "http://"+p.host+k.path, bytes.NewReader(body))
		if err != nil {
			k.t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+k.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		var stored message
		err = json.NewDecoder(resp.Body).Decode(&stored)
		resp.Body.Close()
		if err != nil {
			return // cut off: no acknowledgement
		}
		if resp.StatusCode != http.StatusCreated || stored.ID != id {
			k.t.Errorf("posting %s is answered by %d and %+v", id, resp.StatusCode, stored)
			return
		}
		k.acked[id] = stored.Seq
	}
}

// verify reads the whole history, from its end: seq has no gap, no message is
// there twice, and every acked one is where it was said to be.
func (k *talker) verify(p *process) {
	k.t.Helper()
	where := map[string]int{}
	next := 0 // the seq before which to read on; 0 at the end
	for next != 1 {
		query := "?limit=200"
		if next > 0 {
			query += fmt.Sprintf("&before=%d", next)
		}
		var page struct{ Messages []message }
		k.ask(p, http.MethodGet, k.path+query, nil, http.StatusOK, &page)
		if len(page.Messages) == 0 {
			break
		}
		for _, m := range slices.Backward(page.Messages) {
			if next > 0 && m.Seq != next-1 {
				k.t.Fatalf("message %s has seq %d, followed by %d", m.ID, m.Seq, next)
			}
			if _, twice := where[m.ID]; twice {
				k.t.Errorf("message %s is there twice", m.ID)
			}
			next, where[m.ID] = m.Seq, m.Seq
		}
	}
	lost := 0
	for id, seq := range k.acked {
		if where[id] == seq {
			continue
		}
		if lost++; lost <= 5 {
			k.t.Errorf("message %s was acked as %d and is at %d (0: lost)", id, seq, where[id])
		}
	}
	if lost > 0 {
		k.t.FailNow()
	}
}
