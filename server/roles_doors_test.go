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

// TestRolesHoldAtEveryDoor: whoever may read sees, whoever may comment is seen
// and chats, whoever may write writes, and nobody anything more, whichever door
// they come through.
func TestRolesApplyAtEveryDoor(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	event := func(name string, v any) []byte {
		body, err := wire.EncodeEvent(name, v)
		if err != nil {
			t.Fatal(err)
		}
		return wire.AppendFrame(nil, 0, body)
	}
	client := uint64(100)
	for _, role := range []auth.Role{auth.None, auth.Read, auth.Comment, auth.Write, auth.Admin} {
		for _, door := range []string{"y-websocket", "Hocuspocus", "native"} {
			t.Run(fmt.Sprint(role, " by ", door), func(t *testing.T) {
				client++
				room := fmt.Sprintf("%s-%s", role, door)
				g := s.newUser(t, "ana", auth.Grant{Pattern: room, Role: role})
				var path string
				var enter [][]byte
				var prefix []byte
				switch door {
				case "y-websocket":
					path = "/ws/" + room + "?token=" + g.Token
				case "Hocuspocus":
					path, prefix = "/hocuspocus", wire.AppendAddress(nil, []byte(room))
					enter = [][]byte{lib0.AppendVarString(append(append([]byte{}, prefix...), byte(wire.TypeAuth), 0), g.Token)}
				case "native":
					path, prefix = "/socket", wire.AppendFrame(nil, 1, nil)
					enter = [][]byte{event("hello", map[string]any{"token": g.Token}), event("join", map[string]any{"channel": 1, "room": room})}
				}
				d := websocket.Dialer{}
				if door == "native" {
					d.Subprotocols = []string{wire.Subprotocol}
				}
				ws, answer, err := d.DialContext(t.Context(), "ws://"+s.host+path, nil)
				if door == "y-websocket" && role == auth.None {
					if answer == nil || answer.StatusCode != 403 {
						t.Errorf("let in: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer ws.Close()
				update, err := crdt.New(crdt.Options{ClientID: client}).InsertText("t", 0, "x")
				if err != nil {
					t.Fatal(err)
				}
				state := awareness.Append(nil, []awareness.State{{ClientID: client, Clock: 1, JSON: []byte(`{}`)}})
				for _, frame := range append(enter,
					append(append([]byte{}, prefix...), wire.AppendUpdate(nil, update)...),
					append(append([]byte{}, prefix...), wire.AppendAwareness(nil, state)...),
					append(append([]byte{}, prefix...), wire.AppendStep1(nil, []byte{0})...),
				) {
					if err := ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
						t.Fatal(err)
					}
				}
				// The answer to step 1 comes after all before it has been dealt
				// with; a stranger gets a refusal.
				step2 := string(prefix) + "\x00\x01"
				denied := string(prefix) + "\x02\x01"
				if door == "native" {
					denied = "\x00\x10\x92\xa7refused"
				}
				for {
					_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
					_, frame, err := ws.ReadMessage()
					if err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(string(frame), denied) && role == auth.None {
						break
					}
					if strings.HasPrefix(string(frame), step2) {
						if role == auth.None {
							t.Error("a stranger reads")
						}
						break
					}
				}
				var doc map[string]any
				s.requestJSON(t, "GET", "/api/rooms/"+room+"/doc", s.newUser(t, "watcher", auth.Grant{Pattern: "**", Role: auth.Read}).Token, nil, &doc)
				if wrote := len(doc) > 0; wrote != (role >= auth.Write) {
					t.Errorf("wrote: %v", doc)
				}
				watcher, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.host+"/ws/"+room+"?token="+s.newUser(t, "watcher", auth.Grant{Pattern: "**", Role: auth.Write}).Token, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer watcher.Close()
				sendAwareness(t, watcher, client+1000, 1, `{}`)
				seen := false
				for own := false; !own; { // its own comes back after what was there
					_ = watcher.SetReadDeadline(time.Now().Add(90 * time.Second))
					_, frame, err := watcher.ReadMessage()
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
				if seen != (role >= auth.Comment) {
					t.Errorf("seen: %v", seen)
				}
				want := 403
				if role >= auth.Comment {
					want = 201
				}
				if code := s.requestJSON(t, "POST", "/api/rooms/"+room+"/messages", g.Token, map[string]string{"text": "hi"}, nil); code != want {
					t.Errorf("chat is answered with %d", code)
				}
			})
		}
	}
}
