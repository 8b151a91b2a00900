package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/wire"
)

// TestNativeClientsEditADocument checks that updates are acked, reach the other client,
// and are sent to a later client, in step 2 and over HTTP.
func TestNativeClientsEditADocument(t *testing.T) {
	s := startServer(t, Config{})
	ana, ben := s.joinRoom(t, s.createGuest(t, "Ana"), "class/7"), s.joinRoom(t, s.createGuest(t, "Ben"), "class/7")
	doc := crdt.New(crdt.Options{ClientID: 1})
	for i := range 3 {
		u, err := doc.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		ana.sendBody(1, wire.AppendUpdate(nil, u))
	}
	ack := ana.waitFor("the ack of update 3", func(g received) bool { return g.Type == wire.TypeAck && g.raw[len(g.raw)-1] == 3 })
	if ack.channel != 1 {
		t.Errorf("the ack is on channel %d, want 1", ack.channel)
	}
	mirror := crdt.New(crdt.Options{})
	ben.waitFor("the last update", func(g received) bool { // updates may arrive merged
		if g.IsUpdate() {
			if _, err := mirror.ApplyUpdate(g.Payload); err != nil {
				t.Error(err)
			}
		}
		return mirror.Text("t").String() == "xxx"
	})
	// A client that joins later gets the document with step 2, and over HTTP.
	cara := s.joinRoom(t, s.createGuest(t, "Cara"), "class/7")
	cara.sendBody(1, wire.AppendStep1(nil, []byte{0}))
	all := cara.waitFor("step 2", func(g received) bool { return g.Type == wire.TypeSync && g.Sync == ysync.Step2 })
	fresh := crdt.New(crdt.Options{})
	if _, err := fresh.ApplyUpdate(all.Payload); err != nil || fresh.Text("t").String() != "xxx" {
		t.Errorf("step 2 has the text %q, want xxx; error %v", fresh.Text("t").String(), err)
	}
	answer, err := http.Get("http://" + s.host + "/api/rooms/class%2F7/doc?format=text&root=t")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "xxx" {
		t.Errorf("the text over HTTP is %q, want xxx", text)
	}
}

// TestChatTypingAndPeopleOverWebSocket checks the events of the native dialect: presence,
// typing, sent, message and unsent.
func TestChatTypingAndPeopleOverWebSocket(t *testing.T) {
	s := startServer(t, Config{})
	anaUser, benUser := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	ana := s.joinRoom(t, anaUser, "r")
	ben := s.joinRoom(t, benUser, "r")

	joins := ana.waitFor("the presence event about Ben", func(g received) bool {
		return g.name == "presence" && strings.Contains(fmt.Sprint(g.value["joins"]), benUser.User.ID)
	})
	if joins.channel != 1 {
		t.Errorf("presence is on channel %d, want 1", joins.channel)
	}
	ben.sendEvent(1, "typing", map[string]bool{"on": true})
	ana.waitFor("the typing event about Ben", func(g received) bool {
		return g.name == "typing" && strings.Contains(fmt.Sprint(g.value["users"]), benUser.User.ID)
	})
	ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"})
	sent := ben.waitForEvent("sent")
	if sent["id"] != "m1" {
		t.Errorf("sent is %v, want id m1", sent)
	}
	var stopped bool
	ana.waitFor("the message and that nobody is typing", func(g received) bool {
		stopped = stopped || g.name == "typing" && len(g.value["users"].([]any)) == 0
		if g.name == "message" {
			if g.value["text"] != "hello" || fmt.Sprint(g.value["seq"]) != "1" || fmt.Sprint(g.value["user"]) != fmt.Sprint(map[string]any{"id": benUser.User.ID, "name": "Ben"}) {
				t.Errorf("the message is %v, want seq 1, the text and Ben", g.value)
			}
		}
		return stopped
	})
	// Sending the same id again stores nothing.
	ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"})
	ben.waitForEvent("sent")
	var history struct{ Messages []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/messages", anaUser.Token, nil, &history)
	if len(history.Messages) != 1 {
		t.Errorf("got %d messages, want 1", len(history.Messages))
	}
	// A refusal has a status.
	ben.sendEvent(1, "send", map[string]string{"id": "m2", "text": "  "})
	if u := ben.waitForEvent("unsent"); fmt.Sprint(u["status"]) != "422" {
		t.Errorf("blank text: unsent is %v, want status 422", u)
	}
	ana.sendEvent(1, "send", map[string]string{"id": "m1", "text": "mine"})
	if u := ana.waitForEvent("unsent"); fmt.Sprint(u["status"]) != "409" {
		t.Errorf("another person's message id: unsent is %v, want status 409", u)
	}
	var people struct{ People []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/people", "", nil, &people)
	if len(people.People) != 2 {
		t.Errorf("got %d people, want 2", len(people.People))
	}
}

// TestMessagesArriveInOrderOfSeq checks that a connection receives the messages of
// concurrent authors in order of seq, without gaps.
func TestMessagesArriveInOrderOfSeq(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	watcher := s.joinRoom(t, s.createGuest(t, "Watcher"), "r")
	const authors, each = 6, 10
	for a := range authors {
		c := s.joinRoom(t, s.createGuest(t, fmt.Sprint("A", a)), "r")
		go func() {
			for i := range each {
				body, _ := wire.EncodeEvent("send", map[string]string{"id": fmt.Sprintf("m%d-%d", a, i), "text": "x"})
				_ = c.ws.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, 1, body))
			}
		}()
	}
	for want := 1; want <= authors*each; want++ {
		m := watcher.waitForEvent("message")
		if fmt.Sprint(m["seq"]) != fmt.Sprint(want) {
			t.Fatalf("got message %v, want %d", m["seq"], want)
		}
	}
}
