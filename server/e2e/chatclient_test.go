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

// A chatRun is what the clients of one run share: the address of the server, which is
// killed and restarted, and the log of everything that they received.
type chatRun struct {
	log  *chatLog
	stop chan struct{} // closed at the end: clients finish the post that they began and return

	mu   sync.Mutex
	host string        // empty while the server is down
	back chan struct{} // closed when the server is up
}

func newChatRun() *chatRun {
	return &chatRun{log: newChatLog(), stop: make(chan struct{}), back: make(chan struct{})}
}

// setHost sets the server's address. An empty one says that it is about to be killed.
func (s *chatRun) setHost(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host = host; host != "" {
		close(s.back)
	} else {
		s.back = make(chan struct{})
	}
}

// awaitHost waits until the server is up and returns its address.
func (s *chatRun) awaitHost() string {
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

// isAt reports whether the server is still up at host. If not, an error of a request to host
// is no bug.
func (s *chatRun) isAt(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.host == host
}

func (s *chatRun) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// A chatClient is one user in one room, who posts or reads until the run stops.
type chatClient struct {
	*chatRun
	n       int    // number of the client
	id      string // user id
	token   string
	room    string
	random  *rand.Rand
	path    string // URL path of the room's messages
	replica *replica
	posts   int // messages made so far
}

func (s *chatRun) newClient(n int, g *guest, room string, random *rand.Rand) *chatClient {
	return &chatClient{
		chatRun: s, n: n, id: g.id, token: g.token, room: room, path: "/api/rooms/" + url.PathEscape(room) + "/messages",
		random: rand.New(rand.NewPCG(random.Uint64(), uint64(n))), replica: newReplica(),
	}
}

// request sends one HTTP request and returns status and body of the answer.
func (c *chatClient) request(ctx context.Context, host, method, path string, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
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

// post posts a message over HTTP. ok is false if it is unknown whether the server stored it.
func (c *chatClient) post(ctx context.Context, host, id, text string) (m chatMessage, ok bool) {
	status, answer, err := c.request(ctx, host, http.MethodPost, c.path, map[string]string{"id": id, "text": text})
	if err != nil || status >= 500 || !c.isAt(host) && status != http.StatusCreated {
		return chatMessage{}, false
	}
	if status != http.StatusCreated {
		c.log.addProblem("%s: posting %s is answered by %d: %s", c.room, id, status, answer)
		return chatMessage{}, false
	}
	if err := json.Unmarshal(answer, &m); err != nil || m.ID != id {
		c.log.addProblem("%s: posting %s is answered by %s", c.room, id, answer)
		return chatMessage{}, false
	}
	c.log.sawMessage(c.room, m)
	return m, true
}

// page reads a page of messages. Seq must have no gap within a page of the history.
func (c *chatClient) page(ctx context.Context, host, query string) ([]chatMessage, bool) {
	status, answer, err := c.request(ctx, host, http.MethodGet, c.path+query, nil)
	if err != nil || status >= 500 || !c.isAt(host) && status != http.StatusOK {
		return nil, false
	}
	var page struct{ Messages []chatMessage }
	if err := json.Unmarshal(answer, &page); err != nil || status != http.StatusOK {
		c.log.addProblem("%s: %s is answered by %d: %s", c.room, query, status, answer)
		return nil, false
	}
	for i, m := range page.Messages {
		c.log.sawMessage(c.room, m)
		if i > 0 && m.Seq != page.Messages[i-1].Seq+1 && !strings.Contains(query, "changed") {
			c.log.addProblem("%s: in the page %s, %d is followed by %d", c.room, query, page.Messages[i-1].Seq, m.Seq)
		}
	}
	return page.Messages, true
}

// backOff waits 1 to 8 ms before the client's next request.
func (c *chatClient) backOff() { keepLoad(time.Duration(1+c.random.IntN(8)) * time.Millisecond) }

// nextMessage makes up the id and the text of a new message.
func (c *chatClient) nextMessage() (id, text string) {
	c.posts++
	return fmt.Sprintf("%d-%d", c.n, c.posts), fmt.Sprintf("word %d of %d", c.posts, c.n)
}

// postAgain posts a stored message once more, with another text. The server must answer with
// the stored message.
func (c *chatClient) postAgain(stored chatMessage) {
	host := c.awaitHost()
	if m, ok := c.post(context.Background(), host, stored.ID, "something else"); ok && (m.Seq != stored.Seq || m.Rev == stored.Rev && m.Text != stored.Text) {
		c.log.addProblem("%s: %+v posted again is %+v", c.room, stored, m)
	}
}

// changeMessage edits or deletes a stored message, or reacts to it. If there is no answer,
// the change may have happened or not.
func (c *chatClient) changeMessage(m chatMessage) {
	host, path := c.awaitHost(), c.path+"/"+m.ID
	method, body := http.MethodPatch, map[string]any{"text": fmt.Sprintf("%s, edited at %d", m.Text, c.random.IntN(1000))}
	switch c.random.IntN(4) {
	case 0:
		method, body = http.MethodDelete, nil
	case 1:
		method, body, path = http.MethodPut, nil, path+"/reactions/"+url.PathEscape("👍")
	}
	status, answer, err := c.request(context.Background(), host, method, path, body)
	if err != nil || status >= 500 || !c.isAt(host) && status != http.StatusOK {
		return
	}
	var changed chatMessage
	if err := json.Unmarshal(answer, &changed); err != nil || status != http.StatusOK || changed.ID != m.ID || changed.Rev < m.Rev {
		c.log.addProblem("%s: %s %s at rev %d is answered by %d: %s", c.room, method, path, m.Rev, status, answer)
		return
	}
	c.log.sawMessage(c.room, changed)
}

// postOverHTTP posts messages over HTTP until the run stops. It repeats each post until it
// knows that the message is stored. Sometimes it gives up waiting for an answer.
func (c *chatClient) postOverHTTP() {
	for !c.stopped() {
		id, text := c.nextMessage()
		for call := c.log.now(); ; c.backOff() {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			if c.random.IntN(6) == 0 {
				cancel()
				ctx, cancel = context.WithTimeout(context.Background(), time.Duration(c.random.IntN(15_000))*time.Microsecond)
			}
			m, ok := c.post(ctx, c.awaitHost(), id, text)
			cancel()
			if ok {
				c.log.addOperation(c.room, c.n, call, opAppended, m.Seq)
				switch c.random.IntN(10) {
				case 0:
					c.postAgain(m)
				case 1, 2, 3:
					c.changeMessage(m)
				}
				break
			}
		}
		c.backOff()
	}
}

// readHistory reads random pages of the history until the run stops: the last messages,
// messages after a seq, messages before a seq.
func (c *chatClient) readHistory() {
	for !c.stopped() {
		host, limit, call := c.awaitHost(), 1+c.random.IntN(200), c.log.now()
		last := c.replica.currentSeq()
		switch c.random.IntN(3) {
		case 0:
			page, ok := c.page(context.Background(), host, fmt.Sprintf("?limit=%d", limit))
			switch {
			case ok && len(page) == 0:
				c.log.addOperation(c.room, c.n, call, opReadLast, 0)
			case ok:
				c.log.addOperation(c.room, c.n, call, opReadLast, page[len(page)-1].Seq)
				if page[0].Seq > 1 && len(page) < limit {
					c.log.addProblem("%s: a page of %d begins at %d, with %d messages", c.room, limit, page[0].Seq, len(page))
				}
			}
		case 1:
			after := c.random.IntN(last + 1)
			page, ok := c.page(context.Background(), host, fmt.Sprintf("?after=%d&limit=%d", after, limit))
			switch {
			case ok && len(page) > 0 && page[0].Seq != after+1:
				c.log.addProblem("%s: seq %d is followed by %d", c.room, after, page[0].Seq)
			case ok && len(page) == limit:
				c.log.addOperation(c.room, c.n, call, opReadSeq, after+limit)
			case ok:
				c.log.addOperation(c.room, c.n, call, opReadLast, after+len(page))
				c.replica.add(page...)
			}
		default:
			before := 1 + c.random.IntN(last+1)
			page, ok := c.page(context.Background(), host, fmt.Sprintf("?before=%d&limit=%d", before, limit))
			if want := min(limit, before-1); ok && (len(page) != want || want > 0 && page[want-1].Seq != before-1) {
				c.log.addProblem("%s: %d messages before %d, want %d", c.room, len(page), before, want)
			}
		}
		c.backOff()
	}
}

// catchUp fetches the messages that were added or changed since the replica's rev. It
// returns false if a request fails.
func (c *chatClient) catchUp(ctx context.Context, host string) bool {
	for {
		rev := c.replica.currentRev()
		page, ok := c.page(ctx, host, fmt.Sprintf("?changed=%d&limit=200", rev))
		if !ok || len(page) == 0 {
			return ok
		}
		for _, m := range page {
			if m.Rev <= rev {
				c.log.addProblem("%s: changed since %d is %+v", c.room, rev, m)
			}
			rev = m.Rev
		}
		c.replica.add(page...)
		c.replica.caughtUp(rev)
	}
}

// A replica is the state of a room's chat that a client would show.
type replica struct {
	mu        sync.Mutex
	messages  map[int]chatMessage
	seq       int          // all messages up to this seq are there
	rev       int          // and all changes up to this rev
	revsAhead map[int]bool // revs that are there above it
}

func newReplica() *replica {
	return &replica{messages: map[int]chatMessage{}, revsAhead: map[int]bool{}}
}

// add adds messages, in any order and any number of times. Of two versions of a message the
// one with the higher rev counts.
func (r *replica) add(messages ...chatMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		if known, ok := r.messages[m.Seq]; !ok || known.Rev < m.Rev {
			r.messages[m.Seq] = m
		}
		r.revsAhead[m.Rev] = true
	}
	for r.messages[r.seq+1].Seq != 0 {
		r.seq++
	}
	r.advance()
}

// caughtUp records that the replica has all changes up to rev.
func (r *replica) caughtUp(rev int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rev = max(r.rev, rev)
	r.advance()
}

// advance raises rev over the contiguous changes that are there.
func (r *replica) advance() {
	for r.revsAhead[r.rev+1] {
		r.rev++
	}
	maps.DeleteFunc(r.revsAhead, func(rev int, _ bool) bool { return rev <= r.rev })
}

func (r *replica) currentRev() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rev
}

func (r *replica) currentSeq() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// equals reports whether the replica holds exactly the messages of history.
func (r *replica) equals(history []chatMessage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) != len(history) {
		return false
	}
	for _, m := range history {
		if r.messages[m.Seq] != m {
			return false
		}
	}
	return true
}
