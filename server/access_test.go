package server

import (
	"fmt"
	"strings"
	"testing"

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
	config := Config{Data: t.TempDir(), JWTSecret: strings.Repeat("s", 32), APIKey: ceilingAPIKey}
	f := &ceilingFixture{s: startServer(t, config)}
	f.connect(t)
	f.setCeiling(t, "r", "read")
	f.checkReadOnly(t)
	f.setCeiling(t, "**", "none")
	f.checkClosed(t)
	if err := f.s.Close(); err != nil {
		t.Fatal(err)
	}
	f.s = startServer(t, config)
	if code := f.postMessage(t); code != 403 {
		t.Errorf("posting after a restart: status %d, want 403", code)
	}
	if code := f.s.requestJSON(t, "DELETE", "/api/users/ana/access", ceilingAPIKey, nil, nil); code != 204 {
		t.Errorf("DELETE access: status %d, want 204", code)
	}
	if code := f.postMessage(t); code != 201 {
		t.Errorf("posting without a ceiling: status %d, want 201", code)
	}
}

const ceilingAPIKey = "an api key"

// ceilingFixture has connections of Ana, whose token grants write everywhere, in every
// dialect.
type ceilingFixture struct {
	s          *testServer
	ana, ben   testUser
	native     *nativeClient   // Ana's, in room r
	watcher    *nativeClient   // Ben's, in room r
	yws, yws2  *websocket.Conn // in the rooms r and elsewhere
	hocuspocus *websocket.Conn
	document   doorDialect // frames the document r of the Hocuspocus connection
}

// connect opens the connections.
func (f *ceilingFixture) connect(t *testing.T) {
	t.Helper()
	everywhere := auth.Grant{Pattern: "**", Role: auth.Write}
	f.ana, f.ben = f.s.newUser(t, "ana", everywhere), f.s.newUser(t, "ben", everywhere)
	f.native, f.watcher = f.s.joinRoom(t, f.ana, "r"), f.s.joinRoom(t, f.ben, "r")
	dial := func(path, token string) *websocket.Conn {
		ws, code := f.s.dialWebSocket(t, path, token, nil)
		if ws == nil {
			t.Fatalf("%s: status %d, want 101", path, code)
		}
		return ws
	}
	f.yws, f.yws2 = dial("/ws/r", f.ana.Token), dial("/ws/elsewhere", f.ana.Token)
	f.hocuspocus, f.document = dial("/hocuspocus", ""), doorDialects(t, "r")[1]
	authenticate := lib0.AppendVarString(f.document.frame([]byte{byte(wire.TypeAuth), 0}), f.ana.Token)
	if err := f.hocuspocus.WriteMessage(websocket.BinaryMessage, authenticate); err != nil {
		t.Fatal(err)
	}
	if err := readUntilPrefix(f.hocuspocus, f.authenticated(wire.ScopeReadWrite)); err != nil {
		t.Fatal(err)
	}
}

// authenticated returns the frame that tells the Hocuspocus client its scope.
func (f *ceilingFixture) authenticated(scope wire.Scope) string {
	return string(wire.AppendAuthenticated(f.document.frame(nil), scope))
}

// setCeiling sets Ana's ceiling to one grant.
func (f *ceilingFixture) setCeiling(t *testing.T, pattern, role string) {
	t.Helper()
	body := map[string]any{"rooms": [][]string{{pattern, role}}}
	if code := f.s.requestJSON(t, "PUT", "/api/users/ana/access", ceilingAPIKey, body, nil); code != 200 {
		t.Fatalf("PUT access: status %d, want 200", code)
	}
}

// postMessage posts a message of Ana and returns the status.
func (f *ceilingFixture) postMessage(t *testing.T) int {
	t.Helper()
	return f.s.requestJSON(t, "POST", "/api/rooms/r/messages", f.ana.Token, map[string]string{"text": "hi"}, nil)
}

// checkReadOnly checks that all connections learn that room r is read-only and are refused
// there, and that the other room can still be written.
func (f *ceilingFixture) checkReadOnly(t *testing.T) {
	t.Helper()
	if role := f.native.waitForEvent("role"); role["role"] != "read" {
		t.Errorf("native: got role %v, want read", role)
	}
	if err := readUntilPrefix(f.hocuspocus, f.authenticated(wire.ScopeReadOnly)); err != nil {
		t.Errorf("Hocuspocus: no message about the read-only scope: %v", err)
	}
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "no more")
	if err != nil {
		t.Fatal(err)
	}
	sendUpdate(t, f.yws, u)
	if err := readUntilPrefix(f.yws, string(wire.AppendDenied(nil, ""))[:2]); err != nil {
		t.Errorf("y-websocket: the update was not denied: %v", err)
	}
	f.native.sendBody(1, wire.AppendUpdate(nil, u))
	sendUpdate(t, f.yws2, u)
	if err := readUntilPrefix(f.yws2, string(wire.AppendUpdate(nil, u))); err != nil {
		t.Errorf("the update in another room was not accepted: %v", err)
	}
	if code := f.postMessage(t); code != 403 {
		t.Errorf("posting over HTTP: status %d, want 403", code)
	}
}

// checkClosed checks that all of Ana's connections are refused or closed, that her updates
// in room r were ignored, and that Ben's connection stays open.
func (f *ceilingFixture) checkClosed(t *testing.T) {
	t.Helper()
	if refused := f.native.waitForEvent("refused"); fmt.Sprint(refused["code"]) != "4403" {
		t.Errorf("native: refused is %v, want code 4403", refused)
	}
	if err := readUntilPrefix(f.hocuspocus, string(wire.AppendDenied(f.document.frame(nil), ""))[:4]); err != nil {
		t.Errorf("Hocuspocus: not denied: %v", err)
	}
	for name, ws := range map[string]*websocket.Conn{"r": f.yws, "elsewhere": f.yws2} {
		if err := readUntilPrefix(ws, "no frame begins like this"); !websocket.IsCloseError(err, int(wire.CloseForbidden)) {
			t.Errorf("room %s: got %v, want close code 4403", name, err)
		}
	}
	live, _ := f.s.hub.Loaded("r")
	if text, err := live.Text(t.Context(), "t"); err != nil || text != "" {
		t.Errorf("the document has %q, want the update ignored; error %v", text, err)
	}
	if code := f.postMessage(t); code != 403 {
		t.Errorf("posting over HTTP: status %d, want 403", code)
	}
	if code := f.s.requestJSON(t, "PUT", "/api/users/ben/access", f.ben.Token, map[string]any{"rooms": [][]string{{"r", "admin"}}}, nil); code != 403 {
		t.Errorf("PUT access without the API key: status %d, want 403", code)
	}
	f.watcher.sendEvent(0, "ping", struct{}{})
	f.watcher.waitForEvent("pong")
}
