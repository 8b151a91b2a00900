package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/server/auth"
	"weft/server/wire"
)

// TestCeilingAppliesToOpenConnections checks that a ceiling limits the rights of open
// connections at every door and of new ones, that it outlives a restart, and that
// removing it gives the rights back.
func TestCeilingAppliesToOpenConnections(t *testing.T) {
	data := t.TempDir()
	const key = "an api key"
	config := Config{Data: data, JWTSecret: strings.Repeat("s", 32), APIKey: key}
	s := startServer(t, config)
	everywhere := auth.Grant{Pattern: "**", Role: auth.Write}
	ana, ben := s.newUser(t, "ana", everywhere), s.newUser(t, "ben", everywhere)
	native, watcher := s.joinRoom(t, ana, "r"), s.joinRoom(t, ben, "r")
	dial := func(path string) *websocket.Conn {
		ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.Close() })
		return ws
	}
	yws, yws2 := dial("/ws/r?token="+ana.Token), dial("/ws/elsewhere?token="+ana.Token)
	hocuspocus := dial("/hocuspocus")
	address := wire.AppendAddress(nil, []byte("r"))
	enter := lib0.AppendVarString(append(append([]byte{}, address...), byte(wire.TypeAuth), 0), ana.Token)
	if err := hocuspocus.WriteMessage(websocket.BinaryMessage, enter); err != nil {
		t.Fatal(err)
	}
	// readUntil reads until a frame begins with want, or returns the error of the read.
	readUntil := func(ws *websocket.Conn, want string) error {
		for {
			_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
			_, frame, err := ws.ReadMessage()
			if err != nil || strings.HasPrefix(string(frame), want) {
				return err
			}
		}
	}
	authenticated := func(scope wire.Scope) string {
		return string(wire.AppendAuthenticated(append([]byte{}, address...), scope))
	}
	if err := readUntil(hocuspocus, authenticated(wire.ScopeReadWrite)); err != nil {
		t.Fatal(err)
	}

	setCeiling := func(rooms ...[]string) {
		t.Helper()
		if code := s.requestJSON(t, "PUT", "/api/users/ana/access", key, map[string]any{"rooms": rooms}, nil); code != 200 {
			t.Fatalf("PUT access: status %d, want 200", code)
		}
	}
	setCeiling([]string{"r", "read"})
	if role := native.waitForEvent("role"); role["role"] != "read" {
		t.Errorf("native: got role %v, want read", role)
	}
	if err := readUntil(hocuspocus, authenticated(wire.ScopeReadOnly)); err != nil {
		t.Errorf("Hocuspocus: no message about the read-only scope: %v", err)
	}
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "no more")
	if err != nil {
		t.Fatal(err)
	}
	sendUpdate(t, yws, u)
	if err := readUntil(yws, string(wire.AppendDenied(nil, ""))[:2]); err != nil {
		t.Errorf("y-websocket: the update was not denied: %v", err)
	}
	native.sendBody(1, wire.AppendUpdate(nil, u))
	sendUpdate(t, yws2, u) // the ceiling is about the room r only
	if err := readUntil(yws2, string(wire.AppendUpdate(nil, u))); err != nil {
		t.Errorf("the update in another room was not accepted: %v", err)
	}
	if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "hi"}, nil); code != 403 {
		t.Errorf("posting over HTTP: status %d, want 403", code)
	}

	setCeiling([]string{"**", "none"})
	if refused := native.waitForEvent("refused"); fmt.Sprint(refused["code"]) != "4403" {
		t.Errorf("native: refused is %v, want code 4403", refused)
	}
	if err := readUntil(hocuspocus, string(wire.AppendDenied(append([]byte{}, address...), ""))[:4]); err != nil {
		t.Errorf("Hocuspocus: not denied: %v", err)
	}
	for name, ws := range map[string]*websocket.Conn{"r": yws, "elsewhere": yws2} {
		if err := readUntil(ws, "no frame begins like this"); !websocket.IsCloseError(err, int(wire.CloseForbidden)) {
			t.Errorf("room %s: got %v, want close code 4403", name, err)
		}
	}
	live, _ := s.hub.Loaded("r")
	if text, err := live.Text(t.Context(), "t"); err != nil || text != "" {
		t.Errorf("the document has %q, want the update ignored; error %v", text, err)
	}
	post := func() int {
		return s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "hi"}, nil)
	}
	if code := post(); code != 403 {
		t.Errorf("posting over HTTP: status %d, want 403", code)
	}
	if code := s.requestJSON(t, "PUT", "/api/users/ben/access", ben.Token, map[string]any{"rooms": [][]string{{"r", "admin"}}}, nil); code != 403 {
		t.Errorf("PUT access without the API key: status %d, want 403", code)
	}
	watcher.sendEvent(0, "ping", struct{}{})
	watcher.waitForEvent("pong")

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, config)
	if code := post(); code != 403 {
		t.Errorf("posting after a restart: status %d, want 403", code)
	}
	if code := s.requestJSON(t, "DELETE", "/api/users/ana/access", key, nil, nil); code != 204 {
		t.Errorf("DELETE access: status %d, want 204", code)
	}
	if code := post(); code != 201 {
		t.Errorf("posting without a ceiling: status %d, want 201", code)
	}
}
