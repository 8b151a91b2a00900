package ws

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt/lib0"
	"weft/presence"
	"weft/server/auth"
	"weft/server/room"
	"weft/server/wire"
	"weft/server/ws/internal/netpoll/netpolltest"
)

// TestRenewTouchesOnlyTheUsersConnections: of many connections those of the user are
// rechecked, each once; of no other the lock is taken.
func TestRenewTouchesOnlyTheUsersConnections(t *testing.T) {
	var all []*recordingDialect
	for _, user := range []string{"ana", "ben", "ana", "cid", "", "ben"} {
		l := newRecordingDialect(func([]byte) bool { return true })
		l.user = user
		all = append(all, l)
	}
	door, dial := newRecordingDoor(t, testPoller(), all...)
	for _, l := range all {
		c := dial()
		if _, err := c.Write(netpolltest.Message([]byte("opened"))); err != nil {
			t.Fatal(err)
		}
		l.waitFor(t, 1)
		if l.user != "ana" { // a recheck of this connection would wait, and close it
			l.conn.dialectMu.Lock()
			defer l.conn.dialectMu.Unlock()
		}
	}
	door.Renew("nobody")
	door.Renew("ana")
	for _, l := range all {
		rechecked := func() []string {
			l.mu.Lock()
			defer l.mu.Unlock()
			return slices.Clone(l.rechecked)
		}
		if l.user == "ana" {
			eventually(t, "a connection of Ana's is rechecked once", func() bool { return slices.Equal(rechecked(), []string{"ana"}) })
		} else if got := rechecked(); got != nil {
			t.Errorf("a connection of %q was rechecked for %v", l.user, got)
		}
	}
	if n := len(door.users.connsOf("ben")); n != 2 {
		t.Errorf("Ben has %d connections in the index, want 2", n)
	}
}

// TestEndedConnectionsLeaveTheUserIndex also after their token has been replaced.
func TestEndedConnectionsLeaveTheUserIndex(t *testing.T) {
	l := newRecordingDialect(func([]byte) bool { return true })
	l.user = "ana"
	door, dial := newRecordingDoor(t, testPoller(), l)
	c := dial()
	if _, err := c.Write(netpolltest.Message([]byte("opened"))); err != nil {
		t.Fatal(err)
	}
	l.waitFor(t, 1)
	l.conn.dialectMu.Lock()
	for range 3 {
		l.opened()
	}
	l.conn.dialectMu.Unlock()
	if n := len(door.users.connsOf("ana")); n != 1 {
		t.Errorf("Ana has %d connections in the index, want 1", n)
	}
	c.Close()
	<-l.ended
	eventually(t, "the index is empty", func() bool {
		door.users.mu.Lock()
		defer door.users.mu.Unlock()
		return len(door.users.conns) == 0
	})
}

// TestRenewReachesAllDocumentsOfAUser: on one Hocuspocus connection documents may be
// entered with tokens of several users. Those of the user are downgraded, and not those
// of another.
func TestRenewReachesAllDocumentsOfAUser(t *testing.T) {
	var access auth.Access
	verifier, err := auth.NewVerifier(auth.Config{Secret: []byte(strings.Repeat("s", 32)), Access: &access})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	people := presence.NewMemory(presence.MemoryOptions{})
	typing := presence.NewTyping(0, func(presence.Place, []presence.Typist) {})
	hub := room.NewHub(room.HubOptions{Store: deadDisk{}, Log: log})
	door := New(Config{Hub: hub, People: people, Typing: typing, Members: deadDisk{}, Auth: verifier, Limits: LabLimits(), Log: log, Poller: testPoller()})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := door.ServeHocuspocus(w, r, ""); err != nil {
			t.Error(err)
		}
	}))
	defer func() {
		srv.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		door.Close(ctx)
		if err := hub.Close(ctx); err != nil {
			t.Error(err)
		}
		door.Wait()
		typing.Close()
		if err := people.Close(); err != nil {
			t.Error(err)
		}
	}()
	client, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	send := func(frame []byte) {
		t.Helper()
		if err := client.WriteMessage(websocket.BinaryMessage, frame); err != nil {
			t.Fatal(err)
		}
	}
	// scopeOf reads until the client is told that it may write the document, or only read it.
	scopeOf := func(document string) (mayWrite bool) {
		t.Helper()
		_ = client.SetReadDeadline(time.Now().Add(90 * time.Second))
		for {
			_, frame, err := client.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			for _, scope := range []wire.Scope{wire.ScopeReadWrite, wire.ScopeReadOnly} {
				if string(frame) == string(wire.AppendAuthenticated(wire.AppendAddress(nil, []byte(document)), scope)) {
					return scope == wire.ScopeReadWrite
				}
			}
		}
	}
	enter := func(document, user string) {
		t.Helper()
		token, err := verifier.Sign(auth.Identity{User: user, Name: user, Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		send(lib0.AppendVarString(append(wire.AppendAddress(nil, []byte(document)), byte(wire.TypeAuth), 0), token))
		if !scopeOf(document) {
			t.Fatalf("%s may not write %s", user, document)
		}
	}
	enter("first", "ana")
	enter("second", "ben")
	enter("third", "ana")

	everywhere := []auth.Grant{{Pattern: "**", Role: auth.Read}}
	access.Set("ana", everywhere)
	access.Set("ben", everywhere) // without Renew: nobody may look at it yet
	door.Renew("ana")
	told := map[string]bool{}
	for len(told) < 2 {
		_ = client.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := client.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range []string{"first", "second", "third"} {
			if string(frame) == string(wire.AppendAuthenticated(wire.AppendAddress(nil, []byte(document)), wire.ScopeReadOnly)) {
				told[document] = true
			}
		}
	}
	if !told["first"] || !told["third"] {
		t.Errorf("the documents %v were downgraded, want first and third", told)
	}
	door.Renew("ben")
	if scopeOf("second") {
		t.Error("Ben may still write the second document")
	}

	// The connection is under Ana as long as one of her documents is entered.
	leave := func(document string) {
		send(wire.AppendClose(wire.AppendAddress(nil, []byte(document)), ""))
	}
	leave("first")
	leave("second")
	eventually(t, "the connection is not under Ben", func() bool { return len(door.users.connsOf("ben")) == 0 })
	if n := len(door.users.connsOf("ana")); n != 1 {
		t.Errorf("Ana has %d connections in the index, want 1", n)
	}
	leave("third")
	eventually(t, "the connection is not under Ana", func() bool { return len(door.users.connsOf("ana")) == 0 })
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again, late := time.NewTicker(5*time.Millisecond), time.After(90*time.Second)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("not in time: %s", what)
		}
	}
}
