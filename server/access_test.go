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

// TestRightsAreTakenAwayAtOnce: on the connections that are open, through every
// door, and for new ones, also after a restart; and given back.
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
	stock, other := dial("/ws/r?token="+ana.Token), dial("/ws/elsewhere?token="+ana.Token)
	hocus := dial("/hocuspocus")
	address := wire.AppendAddress(nil, []byte("r"))
	enter := lib0.AppendVarString(append(append([]byte{}, address...), byte(wire.TypeAuth), 0), ana.Token)
	if err := hocus.WriteMessage(websocket.BinaryMessage, enter); err != nil {
		t.Fatal(err)
	}
	// reads until the frame that begins like this, or the close code.
	reads := func(ws *websocket.Conn, want string) error {
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
	if err := reads(hocus, authenticated(wire.ScopeReadWrite)); err != nil {
		t.Fatal(err)
	}

	limit := func(rooms ...[]string) {
		t.Helper()
		if code := s.requestJSON(t, "PUT", "/api/users/ana/access", key, map[string]any{"rooms": rooms}, nil); code != 200 {
			t.Fatalf("PUT access: %d", code)
		}
	}
	limit([]string{"r", "read"})
	if role := native.waitForEvent("role"); role["role"] != "read" {
		t.Errorf("native: %v", role)
	}
	if err := reads(hocus, authenticated(wire.ScopeReadOnly)); err != nil {
		t.Errorf("Hocuspocus: %v", err)
	}
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "no more")
	if err != nil {
		t.Fatal(err)
	}
	sendUpdate(t, stock, u)
	if err := reads(stock, string(wire.AppendDenied(nil, ""))[:2]); err != nil {
		t.Errorf("y-websocket: %v", err)
	}
	native.sendBody(1, wire.AppendUpdate(nil, u))
	sendUpdate(t, other, u) // she may still write there
	if err := reads(other, string(wire.AppendUpdate(nil, u))); err != nil {
		t.Errorf("in another room: %v", err)
	}
	if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "hi"}, nil); code != 403 {
		t.Errorf("chat over HTTP: %d", code)
	}

	limit([]string{"**", "none"})
	if refused := native.waitForEvent("refused"); fmt.Sprint(refused["code"]) != "4403" {
		t.Errorf("native: %v", refused)
	}
	if err := reads(hocus, string(wire.AppendDenied(append([]byte{}, address...), ""))[:4]); err != nil {
		t.Errorf("Hocuspocus: %v", err)
	}
	for name, ws := range map[string]*websocket.Conn{"r": stock, "elsewhere": other} {
		if err := reads(ws, "nothing like it"); !websocket.IsCloseError(err, int(wire.CloseForbidden)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	live, _ := s.hub.Loaded("r")
	if text, err := live.Text(t.Context(), "t"); err != nil || text != "" {
		t.Errorf("a reader has written %q, %v", text, err)
	}
	post := func() int {
		return s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "hi"}, nil)
	}
	if code := post(); code != 403 {
		t.Errorf("chat over HTTP: %d", code)
	}
	if code := s.requestJSON(t, "PUT", "/api/users/ben/access", ben.Token, map[string]any{"rooms": [][]string{{"r", "admin"}}}, nil); code != 403 {
		t.Errorf("a writer rules: %d", code)
	}
	watcher.sendEvent(0, "ping", struct{}{})
	watcher.waitForEvent("pong")

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, config)
	if code := post(); code != 403 {
		t.Errorf("after a restart: %d", code)
	}
	if code := s.requestJSON(t, "DELETE", "/api/users/ana/access", key, nil, nil); code != 204 {
		t.Errorf("DELETE: %d", code)
	}
	if code := post(); code != 201 {
		t.Errorf("given back: %d", code)
	}
}
