package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/wire"
)

// TestRolesApplyAtEveryDoor checks in every dialect what each role may do:
//
//   - read: read the document;
//   - comment: also share awareness and post messages;
//   - write and admin: also change the document.
func TestRolesApplyAtEveryDoor(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	client := uint64(100)
	for _, role := range []auth.Role{auth.None, auth.Read, auth.Comment, auth.Write, auth.Admin} {
		for _, dialect := range []string{"y-websocket", "Hocuspocus", "native"} {
			t.Run(fmt.Sprint(role, " by ", dialect), func(t *testing.T) {
				client++
				testRole(t, s, role, dialect, client)
			})
		}
	}
}

// testRole opens a connection of a person with that role and sends an update, an awareness
// state and step 1 as the Yjs client. Then it checks what the server has accepted.
func testRole(t *testing.T, s *testServer, role auth.Role, dialect string, client uint64) {
	room := fmt.Sprintf("%s-%s", role, dialect)
	ana := s.newUser(t, "ana", auth.Grant{Pattern: room, Role: role})
	conn := newTokenDialect(t, dialect, room, ana.Token)
	ws, code := s.dialWebSocket(t, conn.path, "", nil)
	if dialect == "y-websocket" && role == auth.None {
		if code != 403 {
			t.Errorf("connecting without a role: status %d, want 403", code)
		}
		return
	}
	if ws == nil {
		t.Fatalf("connecting: status %d, want 101", code)
	}
	update, err := crdt.New(crdt.Options{ClientID: client}).InsertText("t", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	state := awareness.Append(nil, []awareness.State{{ClientID: client, Clock: 1, JSON: []byte(`{}`)}})
	for _, frame := range append(conn.joinFrames,
		conn.frame(wire.AppendUpdate(nil, update)),
		conn.frame(wire.AppendAwareness(nil, state)),
		conn.frame(wire.AppendStep1(nil, []byte{0})),
	) {
		if err := ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
			t.Fatal(err)
		}
	}
	if reads := readStep2OrDenied(t, ws, conn, role == auth.None); reads && role == auth.None {
		t.Error("a person without a role reads the document")
	}
	var doc map[string]any
	watcher := func(role auth.Role) string {
		return s.newUser(t, "watcher", auth.Grant{Pattern: "**", Role: role}).Token
	}
	s.requestJSON(t, "GET", "/api/rooms/"+room+"/doc", watcher(auth.Read), nil, &doc)
	if wrote := len(doc) > 0; wrote != (role >= auth.Write) {
		t.Errorf("the document is %v, want the update applied: %v", doc, role >= auth.Write)
	}
	if seen := isClientSeen(t, s, room, watcher(auth.Write), client); seen != (role >= auth.Comment) {
		t.Errorf("the awareness state is shared: %v, want %v", seen, role >= auth.Comment)
	}
	want := 403
	if role >= auth.Comment {
		want = 201
	}
	if code := s.requestJSON(t, "POST", "/api/rooms/"+room+"/messages", ana.Token, map[string]string{"text": "hi"}, nil); code != want {
		t.Errorf("posting a message: status %d, want %d", code, want)
	}
}

// tokenDialect is a dialect with the frames that authenticate with a token and join a room.
type tokenDialect struct {
	doorDialect
	denied string // how a refusal begins
}

func newTokenDialect(t *testing.T, dialect, room, token string) tokenDialect {
	t.Helper()
	event := func(name string, v any) []byte {
		body, err := wire.EncodeEvent(name, v)
		if err != nil {
			t.Fatal(err)
		}
		return wire.AppendFrame(nil, 0, body)
	}
	all := doorDialects(t, room)
	switch dialect {
	case "y-websocket":
		d := all[0]
		d.path += "?token=" + token
		return tokenDialect{d, "\x02\x01"}
	case "Hocuspocus":
		d := all[1]
		d.joinFrames = [][]byte{lib0.AppendVarString(d.frame([]byte{byte(wire.TypeAuth), 0}), token)}
		return tokenDialect{d, string(d.frame([]byte("\x02\x01")))}
	default:
		d := all[2]
		d.joinFrames = [][]byte{event("hello", map[string]any{"token": token}), event("join", map[string]any{"channel": 1, "room": room})}
		return tokenDialect{d, "\x00\x10\x92\xa7refused"}
	}
}

// readStep2OrDenied reads until step 2 arrives, which the server sends after it has handled
// all earlier frames, and returns true. If mayBeDenied, a refusal ends it too, with false.
func readStep2OrDenied(t *testing.T, ws *websocket.Conn, d tokenDialect, mayBeDenied bool) (step2 bool) {
	t.Helper()
	for {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(frame), d.denied) && mayBeDenied {
			return false
		}
		if strings.HasPrefix(string(frame), string(d.frame([]byte{0, 1}))) {
			return true
		}
	}
}

// isClientSeen reports whether a new connection receives an awareness state of the Yjs
// client. It sends a state of its own, which the server echoes after all earlier states.
func isClientSeen(t *testing.T, s *testServer, room, token string, client uint64) (seen bool) {
	t.Helper()
	ws, code := s.dialWebSocket(t, "/ws/"+room, token, nil)
	if ws == nil {
		t.Fatalf("the watcher is refused with status %d", code)
	}
	sendAwareness(t, ws, client+1000, 1, `{}`)
	for own := false; !own; {
		_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.DecodeBody(frame)
		if err != nil || b.Type != wire.TypeAwareness {
			continue
		}
		states, err := awareness.Decode(b.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range states {
			seen = seen || st.ClientID == client && !st.Gone()
			own = own || st.ClientID == client+1000 && !st.Gone()
		}
	}
	return seen
}
