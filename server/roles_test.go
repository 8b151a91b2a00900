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

// token signs a token for a person on a server that is not in open mode.
func (s *site) token(t *testing.T, user string, grants ...auth.Grant) guest {
	t.Helper()
	token, err := s.verifier.Sign(auth.Identity{User: user, Name: user, Grants: grants}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	g := guest{Token: token}
	g.User.ID, g.User.Name = user, user
	return g
}

// TestRenewedTokenHoldsInTheRoomsJoined: a later hello with fewer rights takes
// them away at once, also where the connection is already.
func TestRenewedTokenHoldsInTheRoomsJoined(t *testing.T) {
	s := run(t, Config{JWTSecret: strings.Repeat("s", 32)})
	ana := s.enter(t, s.token(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), "r")
	ben := s.enter(t, s.token(t, "ben", auth.Grant{Pattern: "**", Role: auth.Write}), "r")
	ana.event(0, "join", map[string]any{"channel": 2, "room": "secret"})
	ana.untilEvent("joined")

	less := s.token(t, "ana", auth.Grant{Pattern: "r", Role: auth.Read})
	ana.event(0, "hello", map[string]string{"token": less.Token})
	if refused := ana.untilEvent("refused"); fmt.Sprint(refused["channel"], refused["code"]) != "2 4403" {
		t.Errorf("refused %v", refused)
	}
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "not mine to write")
	if err != nil {
		t.Fatal(err)
	}
	ana.body(1, wire.AppendUpdate(nil, u))
	ana.body(1, wire.AppendStep1(nil, []byte{0}))
	answer := ana.until("step 2", func(g got) bool { return g.Type == wire.TypeSync && g.Sync == 1 })
	if !bytes.Equal(answer.Payload, []byte{0, 0}) {
		t.Errorf("a reader has written %x", answer.Payload)
	}
	ben.until("Ana is not seen any more", func(g got) bool {
		return g.name == "presence" && fmt.Sprint(g.value["leaves"]) == "[ana]"
	})

	more := s.token(t, "ana", auth.Grant{Pattern: "r", Role: auth.Write})
	ana.event(0, "hello", map[string]string{"token": more.Token})
	ana.untilEvent("welcome")
	ana.body(1, wire.AppendUpdate(nil, u))
	ben.until("the update", func(g got) bool { return g.IsUpdate() && bytes.Equal(g.Payload, u) })
}

// TestEncodedRoomIDsAreDecodedOnce: in the API's segment as in a socket's path.
func TestEncodedRoomIDsAreDecodedOnce(t *testing.T) {
	s := run(t, Config{})
	ana := s.guest(t, "Ana")
	for room, segment := range map[string]string{
		"a/b":    "a%2Fb",
		"a%2Fb":  "a%252Fb",
		"50%":    "50%25",
		"a/50%":  "a%2F50%25",
		"a b?c#": "a%20b%3Fc%23",
		"é+":     "%C3%A9+",
	} {
		var m struct{ Room string }
		if code := s.call(t, "POST", "/api/rooms/"+segment+"/messages", ana.Token, map[string]string{"text": "hi"}, &m); code != 201 || m.Room != room {
			t.Errorf("%s: %d, room %q, want %q", segment, code, m.Room, room)
		}
		s.stock(t, segment).Close()
		if _, ok := s.hub.Loaded(store.RoomID(room)); !ok {
			t.Errorf("/ws/%s did not open %q", segment, room)
		}
	}
}

// TestTokenThatRunsOutEndsWhatItOpened: sockets with 4401, streams just so.
func TestTokenThatRunsOutEndsWhatItOpened(t *testing.T) {
	s := run(t, Config{JWTSecret: strings.Repeat("s", 32)})
	ben := guest{}
	ben.User.ID, ben.User.Name = "ben", "ben"
	var err error
	ben.Token, err = s.verifier.Sign(auth.Identity{User: "ben", Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}, 3*time.Second-auth.Leeway)
	if err != nil {
		t.Fatal(err)
	}
	stream := s.events(t, ben.Token, "")
	if first := stream.next(); first.name != "connected" {
		t.Fatalf("the first event: %+v", first)
	}
	c := s.enter(t, ben, "r")
	for err == nil {
		_, err = c.next()
	}
	if !websocket.IsCloseError(err, int(wire.CloseAuth)) {
		t.Errorf("the socket ended with %v", err)
	}
	for stream.lines.Scan() {
		if line := stream.lines.Text(); strings.HasPrefix(line, "event:") {
			t.Errorf("the stream went on: %s", line)
		}
	}
	if err := stream.lines.Err(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
}
