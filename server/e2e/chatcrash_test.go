package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// postOverSockets posts over one socket after the other until the run stops, and keeps a
// replica of the room. A socket ends at any moment, because the server is killed or because
// the client closes it.
func (c *chatClient) postOverSockets() {
	var id, text string
	var call int64
	for !c.stopped() || id != "" {
		host := c.awaitHost()
		begun := c.log.now()
		s, err := dialSocket(context.Background(), host, c.token, c.room)
		if err != nil {
			c.backOff()
			continue
		}
		c.log.addOperation(c.room, c.n, begun, opReadLast, s.joined.LastSeq)
		h := c.readSocket(s)
		for up := c.catchUp(context.Background(), host); up; {
			if id == "" {
				if c.stopped() {
					break
				}
				call = c.log.now()
				id, text = c.nextMessage()
			}
			m, err := c.send(h, id, text)
			if err != nil {
				break // send the same message again on the next socket
			}
			c.log.addOperation(c.room, c.n, call, opAppended, m.Seq)
			id = ""
			if c.random.IntN(10) == 0 {
				c.postAgain(m)
			}
			if c.random.IntN(60) == 0 {
				break
			}
			c.backOff()
		}
		s.reset()
		<-h.done
	}
}

// socketReader is a socket with a goroutine that reads it.
type socketReader struct {
	*socket
	answers chan chatMessage // answers to posts
	done    chan struct{}    // closed when the socket is closed
}

// readSocket reads a socket until it is closed. The events of new and changed messages must come
// in order of rev, without a gap and without repetition.
func (c *chatClient) readSocket(s *socket) *socketReader {
	h := &socketReader{socket: s, answers: make(chan chatMessage, 16), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		last := 0
		for {
			e, err := s.readEvent()
			if err != nil {
				return
			}
			switch e.Name {
			case "message", "message.changed":
				var m chatMessage
				if err := e.Into(&m); err != nil {
					c.log.addProblem("%s: %v", c.room, err)
					return
				}
				c.log.sawMessage(c.room, m)
				if last == 0 && m.Rev > s.joined.LastRev+1 || last != 0 && m.Rev != last+1 {
					c.log.addProblem("%s: a socket that joined at rev %d receives rev %d after %d", c.room, s.joined.LastRev, m.Rev, last)
				}
				last = m.Rev
				c.replica.add(m)
			case "sent":
				var sent struct {
					Message chatMessage `json:"message"`
				}
				if err := e.Into(&sent); err != nil {
					c.log.addProblem("%s: %v", c.room, err)
					return
				}
				c.log.sawMessage(c.room, sent.Message)
				h.answers <- sent.Message
			case "unsent":
				var un struct {
					ID     string `json:"id"`
					Status int    `json:"status"`
				}
				if err := e.Into(&un); err != nil || un.Status < 500 {
					c.log.addProblem("%s: %s is unsent with %d: %v", c.room, un.ID, un.Status, err)
				}
				return
			}
		}
	}()
	return h
}

var errCut = errors.New("cut")

// send posts a message over the socket and waits for the answer. One time in 40 it waits
// less than 10 ms, and then the caller closes the socket without knowing the outcome.
func (c *chatClient) send(h *socketReader, id, text string) (chatMessage, error) {
	if err := h.sendEvent(1, "send", map[string]any{"id": id, "text": text}); err != nil {
		return chatMessage{}, err
	}
	var cut <-chan time.Time
	if c.random.IntN(40) == 0 {
		cut = time.After(time.Duration(c.random.IntN(10_000)) * time.Microsecond)
	}
	for {
		select {
		case m := <-h.answers:
			if m.ID == id {
				return m, nil
			}
		case <-h.done:
			return chatMessage{}, errCut
		case <-cut:
			return chatMessage{}, errCut
		}
	}
}

// followStreams keeps a replica by reading one stream of server-sent events after the other.
// Each resumes where the one before it broke, and must not repeat an event.
func (c *chatClient) followStreams() {
	last, rev := "", 0
	for !c.stopped() {
		host := c.awaitHost()
		ctx, cut := context.WithTimeout(context.Background(), time.Duration(20+c.random.IntN(700))*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+strings.TrimSuffix(c.path, "messages")+"events", nil)
		if err != nil {
			c.log.addProblem("%v", err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			last, rev = c.readStream(resp, last, rev)
			resp.Body.Close()
		}
		cut()
		c.backOff()
	}
}

// readStream reads one stream until it breaks. last is the id of the last event of the
// stream before, rev its rev; readStream returns the new ones.
func (c *chatClient) readStream(resp *http.Response, last string, rev int) (string, int) {
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode < 500 {
			c.log.addProblem("%s: a stream is answered by %s", c.room, resp.Status)
		}
		return last, rev
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	id, name := "", ""
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			// As in browsers, an event counts only when it is complete.
			var e struct {
				chatMessage
				Recovered bool
				LastRev   int `json:"lastRev"`
			}
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return last, rev // the stream broke within the line
			}
			switch name {
			case "connected":
				// The server keeps 1,000 changes for resuming; after more it may refuse to.
				if e.Recovered && last == "" || !e.Recovered && last != "" && e.LastRev-rev <= 1000 {
					c.log.addProblem("%s: a stream after %q, at rev %d of %d: recovered is %v", c.room, last, rev, e.LastRev, e.Recovered)
				}
				if !e.Recovered {
					rev = e.LastRev
				}
			case "message", "message.changed":
				c.log.sawMessage(c.room, e.chatMessage)
				if e.Rev <= rev {
					c.log.addProblem("%s: a stream delivers rev %d after %d", c.room, e.Rev, rev)
				}
				rev = e.Rev
				c.replica.add(e.chatMessage)
			}
			last = id
		}
	}
	return last, rev
}

const (
	chatSocketClients = 12 // on sockets
	chatHTTPClients   = 12 // over HTTP
	chatStreams       = 3  // of server-sent events
	chatReaders       = 3  // of the history
	chatRooms         = 3

	// chatRounds is the number of kills after which the clients move to new rooms. It bounds
	// the length of a room's list of operations, and so the time to check it.
	chatRounds = 5
)

// TestChatIsALog runs 30 clients over all doors while sockets and streams are closed and
// requests abandoned at random, and while the server is killed with SIGKILL. It checks that
//
//   - no message and no change is lost that the server acknowledged,
//   - no message is stored twice, also if it was sent again after an unknown outcome,
//   - seq has no gap, and all clients see the same order,
//   - the posts and reads are linearizable (checked by porcupine),
//   - sockets deliver every change in order of rev, and resumed streams repeat nothing,
//   - a client that fetches all changes since its rev has the complete history.
func TestChatIsALog(t *testing.T) {
	rounds := 2
	if text := os.Getenv("WEFT_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("WEFT_CRASH_ROUNDS=%s: want a number of at least 1", text)
		}
	}
	random, data := newSeededRandom(t), filepath.Join(t.TempDir(), "data")
	kept := map[string][]chatMessage{} // histories of the rooms that the clients have left
	var messages, told, operations, acked int
	for generation := 0; rounds > 0; generation++ {
		kills := min(rounds, chatRounds)
		rounds -= kills
		s := newChatRun()
		p := start(t, data)
		clients, wait := startClients(t, s, p, fmt.Sprintf("log/%d", generation), random)
		for round := range kills {
			if round > 0 {
				p = start(t, data)
			}
			s.setHost(p.host)
			keepLoad(300*time.Millisecond + time.Duration(random.Int64N(int64(1500*time.Millisecond))))
			s.setHost("")
			p.kill()
		}
		p = start(t, data)
		s.setHost(p.host)
		recorded := s.log.operations()
		waitUntil(t, "operations with the restarted server", func() bool { return s.log.operations() >= recorded+100 })
		close(s.stop)
		wait()
		histories := map[string][]chatMessage{}
		for _, c := range clients {
			if histories[c.room] == nil {
				histories[c.room] = c.fullHistory(t)
			}
			if shows := c.n < chatSocketClients || c.n >= chatSocketClients+chatHTTPClients && c.n < chatSocketClients+chatHTTPClients+chatStreams; shows &&
				(!c.catchUp(t.Context(), p.host) || !c.replica.equals(histories[c.room])) {
				t.Errorf("client %d: its replica differs from the history of %s", c.n, c.room)
			}
			acked += c.posts
		}
		s.log.check(t, histories)
		for room, was := range kept {
			c := clients[0]
			c.path, c.room = "/api/rooms/"+url.PathEscape(room)+"/messages", room
			if now := c.fullHistory(t); !slices.Equal(now, was) {
				t.Errorf("%s: the history has changed: %d messages, %d before", room, len(now), len(was))
			}
		}
		for room, history := range histories {
			kept[room] = history
			messages += len(history)
		}
		told, operations = told+s.log.received, operations+s.log.operations()
		p.kill()
		if t.Failed() {
			t.FailNow()
		}
		t.Logf("generation %d, %d kills: %d messages, received %d times, %d operations linearizable", generation+1, kills, messages, told, operations)
	}
	if acked != messages || messages == 0 {
		t.Errorf("%d messages were acknowledged, but %d are stored", acked, messages)
	}
	t.Logf("%d messages from %d clients acknowledged, 0 lost, 0 repeated, one order", acked, chatSocketClients+chatHTTPClients)
}

// startClients starts all clients, each in a goroutine. wait waits until they have returned.
func startClients(t *testing.T, s *chatRun, p *process, room string, random *rand.Rand) (clients []*chatClient, wait func()) {
	var all sync.WaitGroup
	for n := range chatSocketClients + chatHTTPClients + chatStreams + chatReaders {
		c := s.newClient(n, createGuest(t, p, fmt.Sprint("Client ", n)), fmt.Sprint(room, "/", n%chatRooms), random)
		clients = append(clients, c)
		run := c.readHistory
		switch {
		case n < chatSocketClients:
			run = c.postOverSockets
		case n < chatSocketClients+chatHTTPClients:
			run = c.postOverHTTP
		case n < chatSocketClients+chatHTTPClients+chatStreams:
			run = c.followStreams
		}
		all.Go(run)
	}
	return clients, all.Wait
}

// fullHistory reads the whole history of the client's room, oldest first.
func (c *chatClient) fullHistory(t *testing.T) (history []chatMessage) {
	t.Helper()
	for {
		page, ok := c.page(t.Context(), c.awaitHost(), fmt.Sprintf("?after=%d&limit=200", len(history)))
		if !ok {
			t.Fatalf("the history of %s can't be read", c.room)
		}
		if len(page) == 0 {
			return history
		}
		history = append(history, page...)
	}
}
