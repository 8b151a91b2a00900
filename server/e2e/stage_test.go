package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A stage is a server that comes and goes, and what those who talk to it were
// told.
type stage struct {
	log  *chatLog
	over chan struct{} // closed: finish what you have begun, and end

	mu   sync.Mutex
	host string        // empty: down
	back chan struct{} // closed when it is up
}

func newStage() *stage {
	return &stage{log: newChatLog(), over: make(chan struct{}), back: make(chan struct{})}
}

// up says where the server is; empty, that it is about to be killed.
func (s *stage) up(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host = host; host != "" {
		close(s.back)
	} else {
		s.back = make(chan struct{})
	}
}

// where waits until there is a server and returns where.
func (s *stage) where() string {
	for {
		s.mu.Lock()
		host, back := s.host, s.back
		s.mu.Unlock()
		if host != "" {
			return host
		}
		<-back
	}
}

// still tells whether the server is up and where it was.
func (s *stage) still(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.host == host
}

func (s *stage) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// A voice is a person on a stage.
type voice struct {
	*stage
	n       int // of this client
	id      string
	token   string
	room    string
	random  *rand.Rand
	path    string // of the room's messages
	replica *replica
	posts   int
}

func (s *stage) voice(n int, g *guest, room string, random *rand.Rand) *voice {
	return &voice{
		stage: s, n: n, id: g.id, token: g.token, room: room, path: "/api/rooms/" + url.PathEscape(room) + "/messages",
		random: rand.New(rand.NewPCG(random.Uint64(), uint64(n))), replica: newReplica(),
	}
}

// request sends one and returns the status and the answer.
func (v *voice) request(ctx context.Context, host, method, path string, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+v.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(resp.Body); err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, answer.Bytes(), nil
}

// post stores a message over HTTP. ok is false when nobody knows whether it did.
func (v *voice) post(ctx context.Context, host, id, text string) (m said, ok bool) {
	status, answer, err := v.request(ctx, host, http.MethodPost, v.path, map[string]string{"id": id, "text": text})
	if err != nil || status >= 500 || !v.still(host) && status != http.StatusCreated {
		return said{}, false
	}
	if status != http.StatusCreated {
		v.log.complain("%s: posting %s is answered by %d: %s", v.room, id, status, answer)
		return said{}, false
	}
	if err := json.Unmarshal(answer, &m); err != nil || m.ID != id {
		v.log.complain("%s: posting %s is answered by %s", v.room, id, answer)
		return said{}, false
	}
	v.log.saw(v.room, m)
	return m, true
}

// page reads messages. Within a page seq has no gap.
func (v *voice) page(ctx context.Context, host, query string) ([]said, bool) {
	status, answer, err := v.request(ctx, host, http.MethodGet, v.path+query, nil)
	if err != nil || status >= 500 || !v.still(host) && status != http.StatusOK {
		return nil, false
	}
	var page struct{ Messages []said }
	if err := json.Unmarshal(answer, &page); err != nil || status != http.StatusOK {
		v.log.complain("%s: %s is answered by %d: %s", v.room, query, status, answer)
		return nil, false
	}
	for i, m := range page.Messages {
		v.log.saw(v.room, m)
		if i > 0 && m.Seq != page.Messages[i-1].Seq+1 && !strings.Contains(query, "changed") {
			v.log.complain("%s: in the page %s, %d is followed by %d", v.room, query, page.Messages[i-1].Seq, m.Seq)
		}
	}
	return page.Messages, true
}

// nap is the pause before the next attempt.
func (v *voice) nap() { <-time.After(time.Duration(1+v.random.IntN(8)) * time.Millisecond) }

// next makes up a message.
func (v *voice) next() (id, text string) {
	v.posts++
	return fmt.Sprintf("%d-%d", v.n, v.posts), fmt.Sprintf("word %d of %d", v.posts, v.n)
}

// again posts a stored message once more, with another text: it is the same
// message.
func (v *voice) again(stored said) {
	host := v.where()
	if m, ok := v.post(context.Background(), host, stored.ID, "something else"); ok && (m.Seq != stored.Seq || m.Rev == stored.Rev && m.Text != stored.Text) {
		v.log.complain("%s: %+v posted again is %+v", v.room, stored, m)
	}
}

// change edits, deletes or reacts to a stored message. Nobody knows whether one
// that is not answered has happened.
func (v *voice) change(m said) {
	host, path := v.where(), v.path+"/"+m.ID
	method, body := http.MethodPatch, map[string]any{"text": fmt.Sprintf("%s, edited at %d", m.Text, v.random.IntN(1000))}
	switch v.random.IntN(4) {
	case 0:
		method, body = http.MethodDelete, nil
	case 1:
		method, body, path = http.MethodPut, nil, path+"/reactions/"+url.PathEscape("👍")
	}
	status, answer, err := v.request(context.Background(), host, method, path, body)
	if err != nil || status >= 500 || !v.still(host) && status != http.StatusOK {
		return
	}
	var changed said
	if err := json.Unmarshal(answer, &changed); err != nil || status != http.StatusOK || changed.ID != m.ID || changed.Rev < m.Rev {
		v.log.complain("%s: %s %s at rev %d is answered by %d: %s", v.room, method, path, m.Rev, status, answer)
		return
	}
	v.log.saw(v.room, changed)
}

// talk posts over HTTP until the stage is over, each message until it is known to
// be stored. Sometimes it gives up on an answer.
func (v *voice) talk() {
	for !v.ended() {
		id, text := v.next()
		for call := v.log.now(); ; v.nap() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if v.random.IntN(6) == 0 {
				cancel()
				ctx, cancel = context.WithTimeout(context.Background(), time.Duration(v.random.IntN(15_000))*time.Microsecond)
			}
			m, ok := v.post(ctx, v.where(), id, text)
			cancel()
			if ok {
				v.log.did(v.room, v.n, call, posted, m.Seq)
				switch v.random.IntN(10) {
				case 0:
					v.again(m)
				case 1, 2, 3:
					v.change(m)
				}
				break
			}
		}
		v.nap()
	}
}

// leaf reads here and there in the history.
func (v *voice) leaf() {
	for !v.ended() {
		host, limit, call := v.where(), 1+v.random.IntN(200), v.log.now()
		last := v.replica.through()
		switch v.random.IntN(3) {
		case 0:
			page, ok := v.page(context.Background(), host, fmt.Sprintf("?limit=%d", limit))
			switch {
			case ok && len(page) == 0:
				v.log.did(v.room, v.n, call, ended, 0)
			case ok:
				v.log.did(v.room, v.n, call, ended, page[len(page)-1].Seq)
				if page[0].Seq > 1 && len(page) < limit {
					v.log.complain("%s: a page of %d begins at %d, with %d messages", v.room, limit, page[0].Seq, len(page))
				}
			}
		case 1:
			after := v.random.IntN(last + 1)
			page, ok := v.page(context.Background(), host, fmt.Sprintf("?after=%d&limit=%d", after, limit))
			switch {
			case ok && len(page) > 0 && page[0].Seq != after+1:
				v.log.complain("%s: after %d comes %d", v.room, after, page[0].Seq)
			case ok && len(page) == limit:
				v.log.did(v.room, v.n, call, reached, after+limit)
			case ok:
				v.log.did(v.room, v.n, call, ended, after+len(page))
				v.replica.add(page...)
			}
		default:
			before := 1 + v.random.IntN(last+1)
			page, ok := v.page(context.Background(), host, fmt.Sprintf("?before=%d&limit=%d", before, limit))
			if want := min(limit, before-1); ok && (len(page) != want || want > 0 && page[want-1].Seq != before-1) {
				v.log.complain("%s: %d messages before %d, want %d", v.room, len(page), before, want)
			}
		}
		v.nap()
	}
}

// catchUp fetches what the replica lacks: messages that are new or have changed.
func (v *voice) catchUp(ctx context.Context, host string) bool {
	for {
		rev := v.replica.upTo()
		page, ok := v.page(ctx, host, fmt.Sprintf("?changed=%d&limit=200", rev))
		if !ok || len(page) == 0 {
			return ok
		}
		for _, m := range page {
			if m.Rev <= rev {
				v.log.complain("%s: changed since %d is %+v", v.room, rev, m)
			}
			rev = m.Rev
		}
		v.replica.add(page...)
		v.replica.caughtUp(rev)
	}
}

// A replica is what a client shows of a room.
type replica struct {
	mu   sync.Mutex
	have map[int]said
	full int          // all messages up to this seq are there
	rev  int          // and all changes up to this rev
	over map[int]bool // revs that are there above it
}

func newReplica() *replica { return &replica{have: map[int]said{}, over: map[int]bool{}} }

// add takes messages in any order, any number of times: a later rev counts.
func (r *replica) add(messages ...said) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		if known, ok := r.have[m.Seq]; !ok || known.Rev < m.Rev {
			r.have[m.Seq] = m
		}
		r.over[m.Rev] = true
	}
	for r.have[r.full+1].Seq != 0 {
		r.full++
	}
	r.advance()
}

// caughtUp says that all changes up to a rev are there.
func (r *replica) caughtUp(rev int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rev = max(r.rev, rev)
	r.advance()
}

func (r *replica) advance() {
	for r.over[r.rev+1] {
		r.rev++
	}
	maps.DeleteFunc(r.over, func(rev int, _ bool) bool { return rev <= r.rev })
}

func (r *replica) upTo() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rev
}

func (r *replica) through() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

// is tells whether the replica is the history.
func (r *replica) is(history []said) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.have) != len(history) {
		return false
	}
	for _, m := range history {
		if r.have[m.Seq] != m {
			return false
		}
	}
	return true
}
