package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/store"
	"weft/server/wire"
)

// TestRenewedTokenAppliesToJoinedRooms checks that a second hello with other rights takes
// effect at once in the rooms that the connection has joined.
func TestRenewedTokenAppliesToJoinedRooms(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32)})
	ana := s.joinRoom(t, s.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), "r")
	ben := s.joinRoom(t, s.newUser(t, "ben", auth.Grant{Pattern: "**", Role: auth.Write}), "r")
	ana.sendEvent(0, "join", map[string]any{"channel": 2, "room": "secret"})
	ana.waitForEvent("joined")

	reader := s.newUser(t, "ana", auth.Grant{Pattern: "r", Role: auth.Read})
	ana.sendEvent(0, "hello", map[string]string{"token": reader.Token})
	if refused := ana.waitForEvent("refused"); fmt.Sprint(refused["channel"], refused["code"]) != "2 4403" {
		t.Errorf("refused is %v, want channel 2 and code 4403", refused)
	}
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "not allowed")
	if err != nil {
		t.Fatal(err)
	}
	ana.sendBody(1, wire.AppendUpdate(nil, u))
	ana.sendBody(1, wire.AppendStep1(nil, []byte{0}))
	answer := ana.waitFor("step 2", func(g received) bool { return g.Type == wire.TypeSync && g.Sync == 1 })
	if !bytes.Equal(answer.Payload, []byte{0, 0}) {
		t.Errorf("the document has %x, want the reader's update ignored", answer.Payload)
	}
	ben.waitFor("that Ana has left presence", func(g received) bool {
		return g.name == "presence" && fmt.Sprint(g.value["leaves"]) == "[ana]"
	})

	writer := s.newUser(t, "ana", auth.Grant{Pattern: "r", Role: auth.Write})
	ana.sendEvent(0, "hello", map[string]string{"token": writer.Token})
	ana.waitForEvent("welcome")
	ana.sendBody(1, wire.AppendUpdate(nil, u))
	ben.waitFor("the update", func(g received) bool { return g.IsUpdate() && bytes.Equal(g.Payload, u) })
}

// TestEncodedRoomIDsAreDecodedOnce checks that a room id is decoded once in the path
// segment of the HTTP API and in the path of a WebSocket.
func TestEncodedRoomIDsAreDecodedOnce(t *testing.T) {
	s := startServer(t, Config{})
	ana := s.createGuest(t, "Ana")
	for room, segment := range map[string]string{
		"a/b":    "a%2Fb",
		"a%2Fb":  "a%252Fb",
		"50%":    "50%25",
		"a/50%":  "a%2F50%25",
		"a b?c#": "a%20b%3Fc%23",
		"é+":     "%C3%A9+",
	} {
		var m struct{ Room string }
		if code := s.requestJSON(t, "POST", "/api/rooms/"+segment+"/messages", ana.Token, map[string]string{"text": "hi"}, &m); code != 201 || m.Room != room {
			t.Errorf("%s: status %d, room %q; want 201 and %q", segment, code, m.Room, room)
		}
		s.dialYWebsocket(t, segment).Close()
		if _, ok := s.hub.Loaded(store.RoomID(room)); !ok {
			t.Errorf("/ws/%s did not open %q", segment, room)
		}
	}
}

// TestExpiredTokenClosesSocketsAndStreams checks that a WebSocket is closed with 4401 and an
// event stream is closed when the token expires.
func TestExpiredTokenClosesSocketsAndStreams(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32)})
	ben := testUser{}
	ben.User.ID, ben.User.Name = "ben", "ben"
	var err error
	ben.Token, err = s.verifier.Sign(auth.Identity{User: "ben", Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}, 3*time.Second-auth.Leeway)
	if err != nil {
		t.Fatal(err)
	}
	stream := s.openEvents(t, ben.Token, "")
	if first := stream.readEvent(); first.name != "connected" {
		t.Fatalf("the first event is %+v, want connected", first)
	}
	c := s.joinRoom(t, ben, "r")
	for err == nil {
		_, err = c.readMessage()
	}
	if !websocket.IsCloseError(err, int(wire.CloseAuth)) {
		t.Errorf("the WebSocket: got %v, want close code 4401", err)
	}
	for stream.scanner.Scan() {
		if line := stream.scanner.Text(); strings.HasPrefix(line, "event:") {
			t.Errorf("the stream delivers an event after the token expired: %s", line)
		}
	}
	if err := stream.scanner.Err(); err != nil {
		t.Errorf("the stream: got %v, want EOF", err)
	}
}
