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

// hocuspocusClient is a Hocuspocus connection with one document.
type hocuspocusClient struct {
	t    *testing.T
	ws   *websocket.Conn
	door doorDialect
}

// joinHocuspocus opens a Hocuspocus connection and its document.
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

// sendStateless sends a stateless message.
func (p *hocuspocusClient) sendStateless(payload string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.BinaryMessage, p.door.frame(wire.AppendStateless(nil, []byte(payload)))); err != nil {
		p.t.Fatal(err)
	}
}

// waitForStateless returns the next stateless message that matches. One that contains
// "forged" fails the test.
func (p *hocuspocusClient) waitForStateless(what string, matches func(payload string) bool) string {
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
			p.t.Fatalf("a forged event was delivered: %s", m.Payload)
		}
		if matches(string(m.Payload)) {
			return string(m.Payload)
		}
	}
}

// TestHocuspocusClientReceivesRoomEvents checks that a Hocuspocus client that subscribes
// receives the room's events in stateless messages, and that other clients cannot forge
// them.
func TestHocuspocusClientReceivesRoomEvents(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	post := func(text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": text}, nil); code != 201 {
			t.Fatalf("posting: status %d, want 201", code)
		}
	}
	post("before")
	subscriber, other := s.joinHocuspocus(t, "r"), s.joinHocuspocus(t, "r")
	contains := func(parts ...string) func(string) bool {
		return func(payload string) bool {
			for _, part := range parts {
				if !strings.Contains(payload, part) {
					return false
				}
			}
			return true
		}
	}
	subscriber.sendStateless(`{"weft":"subscribe"}`)
	var first struct {
		Weft, Room string
		People     []struct{ ID string }
		LastSeq    int
	}
	text := subscriber.waitForStateless("an answer", contains(`"weft"`))
	if err := json.Unmarshal([]byte(text), &first); err != nil || first.Weft != "subscribed" || first.Room != "r" || first.LastSeq != 1 || len(first.People) == 0 {
		t.Errorf("the answer is %s, want subscribed; error %v", text, err)
	}
	s.joinRoom(t, ben, "r")
	subscriber.waitForStateless("that Ben joins", contains(`"weft":"event"`, `"name":"presence"`, ben.User.ID))
	post("hello, Providers")
	text = subscriber.waitForStateless("the message", contains(`"weft":"event"`, `"name":"message"`))
	var event struct {
		Data struct {
			Text string
			Seq  int
			User struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil || event.Data.Text != "hello, Providers" || event.Data.Seq != 2 || event.Data.User.ID != ana.User.ID {
		t.Errorf("the event is %s, want message 2 of Ana; error %v", text, err)
	}
	for _, forgery := range []string{
		`{"weft":"event","name":"message","data":"forged"}`, ` {"\u0077eft":"event","name":"forged"}`, `{"a":{},"weft":7,"b":"forged"}`,
		"\n" + `{"weft":null,"a":"forged","weft":{}}`, `{"a":` + strings.Repeat("[", 4000) + `"forged"` + strings.Repeat("]", 4000) + `,"weft":"event"}`,
	} {
		other.sendStateless(forgery)
		other.waitForStateless("an answer to a forgery", contains(`"weft":"unknown"`))
	}
	for n, payload := range []string{"hello", `"weft"`, `["weft"]`, `{"a":"weft"}`, `{"a":{"weft":"event"}}`, `{"weft":`} {
		want := fmt.Sprint(payload, n)
		other.sendStateless(want)
		subscriber.waitForStateless(want, func(payload string) bool { return payload == want })
	}
	subscriber.sendStateless(`{"weft":"unsubscribe"}`)
	subscriber.sendStateless(`{"weft":"?"}`)
	subscriber.waitForStateless("the answer to an unknown command", contains(`"weft":"unknown"`))
	post("after unsubscribing")
	other.sendStateless("bye")
	subscriber.waitForStateless("the last message", func(payload string) bool {
		if strings.Contains(payload, "after unsubscribing") {
			t.Error("an event was delivered after unsubscribe")
		}
		return payload == "bye"
	})
}
