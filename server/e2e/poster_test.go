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

// A poster posts chat messages over HTTP, each when the previous one is stored, and
// records which the server has acknowledged.
type poster struct {
	*guest
	path  string
	sent  int
	acked map[string]int // seq by id
}

// newPoster creates a guest who posts in the room. Their token stays valid after a restart
// of the server.
func newPoster(t *testing.T, p *process, room string) *poster {
	t.Helper()
	return &poster{guest: createGuest(t, p, "Tess"), path: "/api/rooms/" + url.PathEscape(room) + "/messages", acked: map[string]int{}}
}

// run posts until a request fails because the server was killed.
func (c *poster) run(p *process) {
	for {
		c.sent++
		id := fmt.Sprintf("talk-%d", c.sent)
		body := fmt.Appendf(nil, `{"id":%q,"text":"word %d"}`, id, c.sent)
		req, err := http.NewRequest(http.MethodPost, "http://"+p.host+c.path, bytes.NewReader(body))
		if err != nil {
			c.t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+c.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		var stored message
		err = json.NewDecoder(resp.Body).Decode(&stored)
		resp.Body.Close()
		if err != nil {
			return // the response is incomplete, so the message is not acknowledged
		}
		if resp.StatusCode != http.StatusCreated || stored.ID != id {
			c.t.Errorf("posting %s: status %d, message %+v; want 201 and the same id", id, resp.StatusCode, stored)
			return
		}
		c.acked[id] = stored.Seq
	}
}

// verify reads the whole history, from its end. Seq must have no gaps, no message may occur
// twice, and every acked message must have the acked seq.
func (c *poster) verify(p *process) {
	c.t.Helper()
	seqs := map[string]int{} // by message id
	next := 0                // the next page ends before this seq; 0: the last page
	for next != 1 {
		query := "?limit=200"
		if next > 0 {
			query += fmt.Sprintf("&before=%d", next)
		}
		var page struct{ Messages []message }
		c.request(p, http.MethodGet, c.path+query, nil, http.StatusOK, &page)
		if len(page.Messages) == 0 {
			break
		}
		for _, m := range slices.Backward(page.Messages) {
			if next > 0 && m.Seq != next-1 {
				c.t.Fatalf("message %s has seq %d, want %d", m.ID, m.Seq, next-1)
			}
			if _, twice := seqs[m.ID]; twice {
				c.t.Errorf("message %s occurs twice", m.ID)
			}
			next, seqs[m.ID] = m.Seq, m.Seq
		}
	}
	lost := 0
	for id, seq := range c.acked {
		if seqs[id] == seq {
			continue
		}
		if lost++; lost <= 5 {
			c.t.Errorf("message %s was acked with seq %d and has seq %d (0: lost)", id, seq, seqs[id])
		}
	}
	if lost > 0 {
		c.t.FailNow()
	}
}
