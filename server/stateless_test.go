package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// provider is a bare Hocuspocus connection in one document.
type hocuspocusClient struct {
	t    *testing.T
	ws   *websocket.Conn
	door doorDialect
}

func (s *testServer) joinHocuspocus(t *testing.T, room string) *hocuspocusClient {
	t.Helper()
	p := &hocuspocusClient{t: t, door: doorDialects(t, room)[1]}
	p.ws, _ = s.dialWebSocket(t, p.door.path, "", nil)
	for _, f := range p.door.joinFrames {
		if err := p.ws.WriteMessage(websocket.BinaryMessage, f); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *hocuspocusClient) sendStateless(payload string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.BinaryMessage, p.door.frame(wire.AppendStateless(nil, []byte(payload)))); err != nil {
		p.t.Fatal(err)
	}
}

// hears returns the next stateless message that ok likes; forged fails the test.
func (p *hocuspocusClient) waitForStateless(what string, ok func(payload string) bool) string {
	p.t.Helper()
	for {
		_ = p.ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := p.ws.ReadMessage()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", what, err)
		}
		m, err := wire.DecodeHocuspocus(frame)
		if err != nil || m.Type != wire.TypeStateless {
			continue
		}
		if strings.Contains(string(m.Payload), "forged") {
			p.t.Fatalf("a client was told of what never happened: %s", m.Payload)
		}
		if ok(string(m.Payload)) {
			return string(m.Payload)
		}
	}
}

// TestHocuspocusClientHearsTheRoom: one that asks for it is told in stateless
// messages what native clients are told in events, and nobody can make that up.
func TestHocuspocusClientReceivesRoomEvents(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	post := func(text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": text}, nil); code != 201 {
			t.Fatalf("post: %d", code)
		}
	}
	post("before")
	one, two := s.joinHocuspocus(t, "r"), s.joinHocuspocus(t, "r")
	has := func(parts ...string) func(string) bool {
		return func(payload string) bool {
			for _, part := range parts {
				if !strings.Contains(payload, part) {
					return false
				}
			}
			return true
		}
	}
	one.sendStateless(`{"weft":"subscribe"}`)
	var first struct {
		Weft, Room string
		People     []struct{ ID string }
		LastSeq    int
	}
	text := one.waitForStateless("an answer", has(`"weft"`))
	if err := json.Unmarshal([]byte(text), &first); err != nil || first.Weft != "subscribed" || first.Room != "r" || first.LastSeq != 1 || len(first.People) == 0 {
		t.Errorf("the answer is %s, %v", text, err)
	}
	s.joinRoom(t, ben, "r")
	one.waitForStateless("Ben's arrival", has(`"weft":"event"`, `"name":"presence"`, ben.User.ID))
	post("hello, Providers")
	text = one.waitForStateless("the message", has(`"weft":"event"`, `"name":"message"`))
	var event struct {
		Data struct {
			Text string
			Seq  int
			User struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil || event.Data.Text != "hello, Providers" || event.Data.Seq != 2 || event.Data.User.ID != ana.User.ID {
		t.Errorf("the event is %s, %v", text, err)
	}
	for _, forgery := range []string{
		`{"weft":"event","name":"message","data":"forged"}`, ` {"\u0077eft":"event","name":"forged"}`, `{"a":{},"weft":7,"b":"forged"}`,
		"\n" + `{"weft":null,"a":"forged","weft":{}}`, `{"a":` + strings.Repeat("[", 4000) + `"forged"` + strings.Repeat("]", 4000) + `,"weft":"event"}`,
	} {
		two.sendStateless(forgery)
		two.waitForStateless("an answer to a forgery", has(`"weft":"unknown"`))
	}
	for n, other := range []string{"hello", `"weft"`, `["weft"]`, `{"a":"weft"}`, `{"a":{"weft":"event"}}`, `{"weft":`} {
		two.sendStateless(fmt.Sprint(other, n))
		one.waitForStateless(other, func(payload string) bool { return payload == fmt.Sprint(other, n) })
	}
	one.sendStateless(`{"weft":"unsubscribe"}`)
	one.sendStateless(`{"weft":"?"}`)
	one.waitForStateless("the end of it", has(`"weft":"unknown"`))
	post("not for this one")
	two.sendStateless("bye")
	one.waitForStateless("a last word", func(payload string) bool {
		if strings.Contains(payload, "not for this one") {
			t.Error("it still hears the room")
		}
		return payload == "bye"
	})
}
