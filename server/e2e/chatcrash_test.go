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

// speak posts over one socket after the other until the stage is over, and keeps
// a replica of the room: sockets end at any moment, by the server's death or by
// a cut of the client's own.
func (v *voice) speak() {
	var id, text string
	var call int64
	for !v.ended() || id != "" {
		host := v.where()
		begun := v.log.now()
		s, err := dialSocket(context.Background(), host, v.token, v.room)
		if err != nil {
			v.nap()
			continue
		}
		v.log.did(v.room, v.n, begun, ended, s.in.LastSeq)
		h := v.listen(s)
		for up := v.catchUp(context.Background(), host); up; {
			if id == "" {
				if v.ended() {
					break
				}
				call = v.log.now()
				id, text = v.next()
			}
			m, err := v.send(h, id, text)
			if err != nil {
				break // and again on the next socket
			}
			v.log.did(v.room, v.n, call, posted, m.Seq)
			id = ""
			if v.random.IntN(10) == 0 {
				v.again(m)
			}
			if v.random.IntN(60) == 0 {
				break
			}
			v.nap()
		}
		s.cut()
		<-h.over
	}
}

// hearing is a socket that is read.
type hearing struct {
	*socket
	answers chan said
	over    chan struct{} // closed when the socket has ended
}

// listen reads a socket until it ends. What is said there, new messages and
// changes, comes in order of rev, without a gap, and once.
func (v *voice) listen(s *socket) *hearing {
	h := &hearing{socket: s, answers: make(chan said, 16), over: make(chan struct{})}
	go func() {
		defer close(h.over)
		last := 0
		for {
			e, err := s.next()
			if err != nil {
				return
			}
			switch e.Name {
			case "message", "message.changed":
				var m said
				if err := e.Into(&m); err != nil {
					v.log.complain("%s: %v", v.room, err)
					return
				}
				v.log.saw(v.room, m)
				if last == 0 && m.Rev > s.in.LastRev+1 || last != 0 && m.Rev != last+1 {
					v.log.complain("%s: a socket that joined at rev %d is told of %d after %d", v.room, s.in.LastRev, m.Rev, last)
				}
				last = m.Rev
				v.replica.add(m)
			case "sent":
				var sent struct {
					Message said `json:"message"`
				}
				if err := e.Into(&sent); err != nil {
					v.log.complain("%s: %v", v.room, err)
					return
				}
				v.log.saw(v.room, sent.Message)
				h.answers <- sent.Message
			case "unsent":
				var un struct {
					ID     string `json:"id"`
					Status int    `json:"status"`
				}
				if err := e.Into(&un); err != nil || un.Status < 500 {
					v.log.complain("%s: %s is unsent with %d: %v", v.room, un.ID, un.Status, err)
				}
				return
			}
		}
	}()
	return h
}

var errCut = errors.New("cut")

// send posts over the socket and waits for the answer; sometimes it cuts the
// socket instead.
func (v *voice) send(h *hearing, id, text string) (said, error) {
	if err := h.say(1, "send", map[string]any{"id": id, "text": text}); err != nil {
		return said{}, err
	}
	var cut <-chan time.Time
	if v.random.IntN(40) == 0 {
		cut = time.After(time.Duration(v.random.IntN(10_000)) * time.Microsecond)
	}
	for {
		select {
		case m := <-h.answers:
			if m.ID == id {
				return m, nil
			}
		case <-h.over:
			return said{}, errCut
		case <-cut:
			return said{}, errCut
		}
	}
}

// follow keeps a replica by one stream of events after the other: each begins
// where the one before it broke, and tells nothing twice.
func (v *voice) follow() {
	last, rev := "", 0
	for !v.ended() {
		host := v.where()
		ctx, cut := context.WithTimeout(context.Background(), time.Duration(20+v.random.IntN(700))*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+strings.TrimSuffix(v.path, "messages")+"events", nil)
		if err != nil {
			v.log.complain("%v", err)
		}
		req.Header.Set("Authorization", "Bearer "+v.token)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			last, rev = v.readStream(resp, last, rev)
			resp.Body.Close()
		}
		cut()
		v.nap()
	}
}

func (v *voice) readStream(resp *http.Response, last string, rev int) (string, int) {
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode < 500 {
			v.log.complain("%s: a stream is answered by %s", v.room, resp.Status)
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
			// A client counts an event when its last line has come.
			var e struct {
				said
				Recovered bool
				LastRev   int `json:"lastRev"`
			}
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return last, rev // cut off
			}
			switch name {
			case "connected":
				// After 1,000 changes it may say that it can't.
				if e.Recovered && last == "" || !e.Recovered && last != "" && e.LastRev-rev <= 1000 {
					v.log.complain("%s: a stream after %q, at rev %d of %d: recovered is %v", v.room, last, rev, e.LastRev, e.Recovered)
				}
				if !e.Recovered {
					rev = e.LastRev
				}
			case "message", "message.changed":
				v.log.saw(v.room, e.said)
				if e.Rev <= rev {
					v.log.complain("%s: a stream tells rev %d after %d", v.room, e.Rev, rev)
				}
				rev = e.Rev
				v.replica.add(e.said)
			}
			last = id
		}
	}
	return last, rev
}

const (
	chatSpeakers = 12 // on sockets
	chatTalkers  = 12 // over HTTP
	chatStreams  = 3  // of server-sent events
	chatReaders  = 3  // of the history
	chatRooms    = 3
	chatRounds   = 5 // kills before the rooms are new, which bounds the work of the check
)

// TestChatIsALog promises: with 30 clients over every door, sockets and streams
// cut and requests given up at random, and kill -9 of the server, no message and
// no change is lost whose author was told that it is stored, no message is there
// twice, also when it was sent again because nobody knew, seq has no gap, and
// everybody sees one order, which some order of all posts and reads explains
// (porcupine). Sockets tell every change in order of rev, streams that resume tell
// nothing twice, and who takes all that has changed since their rev shows what there
// is.
func TestChatIsALog(t *testing.T) {
	rounds := 2
	if text := os.Getenv("WEFT_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("WEFT_CRASH_ROUNDS=%s is no number of rounds", text)
		}
	}
	random, data := seeded(t), filepath.Join(t.TempDir(), "data")
	kept := map[string][]said{} // of rooms that nobody is in any more
	var messages, told, operations, acked int
	for generation := 0; rounds > 0; generation++ {
		kills := min(rounds, chatRounds)
		rounds -= kills
		s := newStage()
		p := start(t, data)
		voices, wait := perform(t, s, p, fmt.Sprintf("log/%d", generation), random)
		for round := range kills {
			if round > 0 {
				p = start(t, data)
			}
			s.up(p.host)
			<-time.After(300*time.Millisecond + time.Duration(random.Int64N(int64(1500*time.Millisecond))))
			s.up("")
			p.kill()
		}
		p = start(t, data)
		s.up(p.host)
		<-time.After(200 * time.Millisecond)
		close(s.over)
		wait()
		histories := map[string][]said{}
		for _, v := range voices {
			if histories[v.room] == nil {
				histories[v.room] = v.whole(t)
			}
			if shows := v.n < chatSpeakers || v.n >= chatSpeakers+chatTalkers && v.n < chatSpeakers+chatTalkers+chatStreams; shows &&
				(!v.catchUp(t.Context(), p.host) || !v.replica.is(histories[v.room])) {
				t.Errorf("client %d has another replica than the history of %s", v.n, v.room)
			}
			acked += v.posts
		}
		s.log.check(t, histories)
		for room, was := range kept {
			v := voices[0]
			v.path, v.room = "/api/rooms/"+url.PathEscape(room)+"/messages", room
			if now := v.whole(t); !slices.Equal(now, was) {
				t.Errorf("%s has %d messages and had %d, or others", room, len(now), len(was))
			}
		}
		for room, history := range histories {
			kept[room] = history
			messages += len(history)
		}
		told, operations = told+s.log.told, operations+s.log.operations()
		p.kill()
		if t.Failed() {
			t.FailNow()
		}
		t.Logf("generation %d, %d kills: %d messages, told %d times, %d operations explained", generation+1, kills, messages, told, operations)
	}
	if acked != messages || messages == 0 {
		t.Errorf("%d messages were acked, and there are %d", acked, messages)
	}
	t.Logf("%d messages from %d clients acked, 0 lost, 0 doubled, one order", acked, chatSpeakers+chatTalkers)
}

// perform starts the clients; wait waits until they have ended.
func perform(t *testing.T, s *stage, p *process, room string, random *rand.Rand) (voices []*voice, wait func()) {
	var all sync.WaitGroup
	for n := range chatSpeakers + chatTalkers + chatStreams + chatReaders {
		v := s.voice(n, newGuest(t, p, fmt.Sprint("Client ", n)), fmt.Sprint(room, "/", n%chatRooms), random)
		voices = append(voices, v)
		run := v.leaf
		switch {
		case n < chatSpeakers:
			run = v.speak
		case n < chatSpeakers+chatTalkers:
			run = v.talk
		case n < chatSpeakers+chatTalkers+chatStreams:
			run = v.follow
		}
		all.Go(run)
	}
	return voices, all.Wait
}

// whole reads the whole history, oldest first.
func (v *voice) whole(t *testing.T) (history []said) {
	t.Helper()
	for {
		page, ok := v.page(t.Context(), v.where(), fmt.Sprintf("?after=%d&limit=200", len(history)))
		if !ok {
			t.Fatalf("the history of %s can't be read", v.room)
		}
		if len(page) == 0 {
			return history
		}
		history = append(history, page...)
	}
}
