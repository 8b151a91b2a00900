package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"
	"go.uber.org/goleak"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a running server.
type site struct {
	*Server
	host string // HOST:PORT
}

// run starts a server that ends with the test.
func run(t *testing.T, c Config) *site {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Addr, c.Poller = l.Addr().String(), os.Getenv("WEFT_POLLER")
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &site{s, c.Addr}
}

// call makes an HTTP request with a JSON body and decodes a JSON answer.
func (s *site) call(t *testing.T, method, path, token string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if out != nil && answer.StatusCode < 300 {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			t.Fatalf("%s %s: %d: %v", method, path, answer.StatusCode, err)
		}
	}
	return answer.StatusCode
}

type guest struct {
	User  struct{ ID, Name string } `json:"user"`
	Token string                    `json:"token"`
}

func (s *site) guest(t *testing.T, name string) (g guest) {
	t.Helper()
	if code := s.call(t, "POST", "/api/guests", "", map[string]string{"name": name}, &g); code != 201 {
		t.Fatalf("guest: %d", code)
	}
	return g
}

// client speaks weft.1.
type client struct {
	t      *testing.T
	ws     *websocket.Conn
	joined map[string]any // what the answer to the join said
	ahead  chan []byte    // frames that readAhead has read, if it runs
}

func (s *site) dial(t *testing.T) *client {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.DialContext(t.Context(), "ws://"+s.host+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &client{t: t, ws: ws}
}

func (c *client) body(channel uint64, body []byte) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, channel, body)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) event(channel uint64, name string, v any) {
	c.t.Helper()
	body, err := wire.EncodeEvent(name, v)
	if err != nil {
		c.t.Fatal(err)
	}
	c.body(channel, body)
}

// got is one frame from the server.
type got struct {
	channel uint64
	wire.Body
	name  string         // of an event
	value map[string]any // of an event
	raw   []byte
}

// readAhead reads all the time, as clients do: pings are answered by who reads.
func (c *client) readAhead() {
	c.ahead = make(chan []byte, 4096)
	_ = c.ws.SetReadDeadline(time.Time{})
	go func() { // ends with the connection
		defer close(c.ahead)
		for {
			_, frame, err := c.ws.ReadMessage()
			if err != nil {
				return
			}
			select {
			case c.ahead <- frame:
			case <-c.t.Context().Done():
			}
		}
	}()
}

func (c *client) frame() ([]byte, error) {
	if c.ahead == nil {
		_ = c.ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := c.ws.ReadMessage()
		return frame, err
	}
	select {
	case frame, ok := <-c.ahead:
		if !ok {
			return nil, io.EOF
		}
		return frame, nil
	case <-time.After(90 * time.Second):
		return nil, os.ErrDeadlineExceeded
	}
}

func (c *client) next() (got, error) {
	frame, err := c.frame()
	if err != nil {
		return got{}, err
	}
	channel, b, err := wire.DecodeFrame(frame)
	if err != nil {
		c.t.Fatalf("frame %x: %v", frame, err)
	}
	g := got{channel: channel, Body: b, raw: frame}
	if b.Type == wire.TypeEvent {
		var pair []any
		if err := msgpack.Unmarshal(b.Payload, &pair); err != nil {
			c.t.Fatal(err)
		}
		g.name = pair[0].(string)
		g.value = pair[1].(map[string]any)
	}
	return g, nil
}

// until reads frames until ok says so, and returns that one.
func (c *client) until(what string, ok func(got) bool) got {
	c.t.Helper()
	for {
		g, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", what, err)
		}
		if ok(g) {
			return g
		}
	}
}

func (c *client) untilEvent(name string) map[string]any {
	c.t.Helper()
	return c.until(name, func(g got) bool { return g.name == name }).value
}

// enter says hello and joins a room on channel 1.
func (s *site) enter(t *testing.T, g guest, room string) *client {
	t.Helper()
	c := s.dial(t)
	c.event(0, "hello", map[string]string{"token": g.Token})
	if w := c.untilEvent("welcome"); fmt.Sprint(w["user"]) != fmt.Sprint(map[string]any{"id": g.User.ID, "name": g.User.Name}) {
		t.Fatalf("welcome %v", w)
	}
	c.event(0, "join", map[string]any{"channel": 1, "room": room})
	first, err := c.next()
	c.joined = first.value
	if err != nil || first.name != "joined" || first.channel != 1 {
		t.Fatalf("the answer to a join: %+v, %v", first, err)
	}
	return c
}

func TestNativeDocument(t *testing.T) {
	s := run(t, Config{})
	ana, ben := s.enter(t, s.guest(t, "Ana"), "class/7"), s.enter(t, s.guest(t, "Ben"), "class/7")
	doc := crdt.New(crdt.Options{ClientID: 1})
	for i := range 3 {
		u, err := doc.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		ana.body(1, wire.AppendUpdate(nil, u))
	}
	ack := ana.until("ack 3", func(g got) bool { return g.Type == wire.TypeAck && g.raw[len(g.raw)-1] == 3 })
	if ack.channel != 1 {
		t.Errorf("ack on channel %d", ack.channel)
	}
	mirror := crdt.New(crdt.Options{})
	ben.until("the last update", func(g got) bool { // perhaps in one with those before
		if g.IsUpdate() {
			if _, err := mirror.ApplyUpdate(g.Payload); err != nil {
				t.Error(err)
			}
		}
		return mirror.Text("t").String() == "xxx"
	})
	// A newcomer gets it all with step 2, and over HTTP.
	cara := s.enter(t, s.guest(t, "Cara"), "class/7")
	cara.body(1, wire.AppendStep1(nil, []byte{0}))
	all := cara.until("step 2", func(g got) bool { return g.Type == wire.TypeSync && g.Sync == ysync.Step2 })
	fresh := crdt.New(crdt.Options{})
	if _, err := fresh.ApplyUpdate(all.Payload); err != nil || fresh.Text("t").String() != "xxx" {
		t.Errorf("%q, %v", fresh.Text("t").String(), err)
	}
	answer, err := http.Get("http://" + s.host + "/api/rooms/class%2F7/doc?format=text&root=t")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "xxx" {
		t.Errorf("over HTTP: %q", text)
	}
}

func TestChatTypingAndPeopleOverTheSocket(t *testing.T) {
	s := run(t, Config{})
	anaWho, benWho := s.guest(t, "Ana"), s.guest(t, "Ben")
	ana := s.enter(t, anaWho, "r")
	ben := s.enter(t, benWho, "r")

	joins := ana.until("Ben's arrival", func(g got) bool {
		return g.name == "presence" && strings.Contains(fmt.Sprint(g.value["joins"]), benWho.User.ID)
	})
	if joins.channel != 1 {
		t.Errorf("presence on channel %d", joins.channel)
	}
	ben.event(1, "typing", map[string]bool{"on": true})
	ana.until("Ben typing", func(g got) bool {
		return g.name == "typing" && strings.Contains(fmt.Sprint(g.value["users"]), benWho.User.ID)
	})
	ben.event(1, "send", map[string]string{"id": "m1", "text": "hello"})
	sent := ben.untilEvent("sent")
	if sent["id"] != "m1" {
		t.Errorf("sent %v", sent)
	}
	var stopped bool
	ana.until("the message and the end of typing", func(g got) bool {
		stopped = stopped || g.name == "typing" && len(g.value["users"].([]any)) == 0
		if g.name == "message" {
			if g.value["text"] != "hello" || fmt.Sprint(g.value["seq"]) != "1" || fmt.Sprint(g.value["user"]) != fmt.Sprint(map[string]any{"id": benWho.User.ID, "name": "Ben"}) {
				t.Errorf("message %v", g.value)
			}
		}
		return stopped
	})
	// The same id again is the same message.
	ben.event(1, "send", map[string]string{"id": "m1", "text": "hello"})
	ben.untilEvent("sent")
	var history struct{ Messages []map[string]any }
	s.call(t, "GET", "/api/rooms/r/messages", anaWho.Token, nil, &history)
	if len(history.Messages) != 1 {
		t.Errorf("%d messages", len(history.Messages))
	}
	// Refusals say why.
	ben.event(1, "send", map[string]string{"id": "m2", "text": "  "})
	if u := ben.untilEvent("unsent"); fmt.Sprint(u["status"]) != "422" {
		t.Errorf("unsent %v", u)
	}
	ana.event(1, "send", map[string]string{"id": "m1", "text": "mine"})
	if u := ana.untilEvent("unsent"); fmt.Sprint(u["status"]) != "409" {
		t.Errorf("unsent %v", u)
	}
	var people struct{ People []map[string]any }
	s.call(t, "GET", "/api/rooms/r/people", "", nil, &people)
	if len(people.People) != 2 {
		t.Errorf("%d people", len(people.People))
	}
}

func TestLiveOrderFollowsSeq(t *testing.T) {
	s := run(t, Config{Limits: "lab"})
	watcher := s.enter(t, s.guest(t, "Watcher"), "r")
	const authors, each = 6, 10
	for a := range authors {
		c := s.enter(t, s.guest(t, fmt.Sprint("A", a)), "r")
		go func() {
			for i := range each {
				body, _ := wire.EncodeEvent("send", map[string]string{"id": fmt.Sprintf("m%d-%d", a, i), "text": "x"})
				_ = c.ws.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, 1, body))
			}
		}()
	}
	for want := 1; want <= authors*each; want++ {
		m := watcher.untilEvent("message")
		if fmt.Sprint(m["seq"]) != fmt.Sprint(want) {
			t.Fatalf("message %v came where %d was due", m["seq"], want)
		}
	}
}
