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
	ack := ana.waitFor("ack 3", func(g received) bool { return g.Type == wire.TypeAck && g.raw[len(g.raw)-1] == 3 })
	if ack.channel != 1 {
		t.Errorf("ack on channel %d", ack.channel)
	}
	mirror := crdt.New(crdt.Options{})
	ben.waitFor("the last update", func(g received) bool { // perhaps in one with those before
		if g.IsUpdate() {
			if _, err := mirror.ApplyUpdate(g.Payload); err != nil {
				t.Error(err)
			}
		}
		return mirror.Text("t").String() == "xxx"
	})
	// A newcomer gets it all with step 2, and over HTTP.
	cara := s.joinRoom(t, s.createGuest(t, "Cara"), "class/7")
	cara.sendBody(1, wire.AppendStep1(nil, []byte{0}))
	all := cara.waitFor("step 2", func(g received) bool { return g.Type == wire.TypeSync && g.Sync == ysync.Step2 })
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

func TestChatTypingAndPeopleOverWebSocket(t *testing.T) {
	s := startServer(t, Config{})
	anaWho, benWho := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	ana := s.joinRoom(t, anaWho, "r")
	ben := s.joinRoom(t, benWho, "r")

	joins := ana.waitFor("Ben's arrival", func(g received) bool {
		return g.name == "presence" && strings.Contains(fmt.Sprint(g.value["joins"]), benWho.User.ID)
	})
	if joins.channel != 1 {
		t.Errorf("presence on channel %d", joins.channel)
	}
	ben.sendEvent(1, "typing", map[string]bool{"on": true})
	ana.waitFor("Ben typing", func(g received) bool {
		return g.name == "typing" && strings.Contains(fmt.Sprint(g.value["users"]), benWho.User.ID)
	})
	ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"})
	sent := ben.waitForEvent("sent")
	if sent["id"] != "m1" {
		t.Errorf("sent %v", sent)
	}
	var stopped bool
	ana.waitFor("the message and the end of typing", func(g received) bool {
		stopped = stopped || g.name == "typing" && len(g.value["users"].([]any)) == 0
		if g.name == "message" {
			if g.value["text"] != "hello" || fmt.Sprint(g.value["seq"]) != "1" || fmt.Sprint(g.value["user"]) != fmt.Sprint(map[string]any{"id": benWho.User.ID, "name": "Ben"}) {
				t.Errorf("message %v", g.value)
			}
		}
		return stopped
	})
	// The same id again is the same message.
	ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"})
	ben.waitForEvent("sent")
	var history struct{ Messages []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/messages", anaWho.Token, nil, &history)
	if len(history.Messages) != 1 {
		t.Errorf("%d messages", len(history.Messages))
	}
	// Refusals say why.
	ben.sendEvent(1, "send", map[string]string{"id": "m2", "text": "  "})
	if u := ben.waitForEvent("unsent"); fmt.Sprint(u["status"]) != "422" {
		t.Errorf("unsent %v", u)
	}
	ana.sendEvent(1, "send", map[string]string{"id": "m1", "text": "mine"})
	if u := ana.waitForEvent("unsent"); fmt.Sprint(u["status"]) != "409" {
		t.Errorf("unsent %v", u)
	}
	var people struct{ People []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/people", "", nil, &people)
	if len(people.People) != 2 {
		t.Errorf("%d people", len(people.People))
	}
}

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
			t.Fatalf("message %v came where %d was due", m["seq"], want)
		}
	}
}
