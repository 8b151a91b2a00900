package room

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/wire"
)

// speak sends a state and returns the peers that are probed because of it.
func speak(t *testing.T, s *state, p Peer, id, clock uint64, json string, now time.Time) (probed []Peer) {
	t.Helper()
	for _, e := range s.step(command{kind: commandMessage, peer: p, body: aware(id, clock, json), now: now}) {
		switch e.kind {
		case effectClose:
			t.Fatalf("closed: %s", e.reason)
		case effectProbe:
			probed = append(probed, e.to.peer)
		}
	}
	return probed
}

// shows returns the clock and the state that the room has of a client.
func shows(s *state, id uint64) string {
	for _, st := range s.aware.All() {
		if st.ClientID == id {
			return fmt.Sprintf("%d %s", st.Clock, st.JSON)
		}
	}
	return "nothing"
}

var (
	anaInfo = PeerInfo{Role: auth.Write, User: "ana", Name: "Ana"}
	malInfo = PeerInfo{Role: auth.Write, User: "mal", Name: "Mal"}
)

// TestOnlyTheOwnerSetsAClientsAwareness: another user may neither change nor remove a
// client's state, nor use up its clocks, also not while its id is reserved.
func TestOnlyTheOwnerSetsAClientsAwareness(t *testing.T) {
	s := newState()
	ana, mal := as(s, anaInfo), as(s, malInfo)
	speak(t, s, ana, 7, 1, `{"x":1}`, start)
	want := shows(s, 7)
	for _, attack := range []struct {
		clock uint64
		json  string
	}{{2, `{"x":2}`}, {1, `null`}, {2, `null`}, {9000, `{"x":2}`}, {1<<53 - 1, `{}`}} {
		speak(t, s, mal, 7, attack.clock, attack.json, start)
		if got := shows(s, 7); got != want {
			t.Fatalf("after state %d %s of another user the room has %s, want %s", attack.clock, attack.json, got, want)
		}
	}
	s.step(command{kind: commandLeave, peer: ana, now: start})
	speak(t, s, mal, 7, 5, `{"x":2}`, start.Add(29*time.Second))
	speak(t, s, mal, 7, 6, `null`, start.Add(29*time.Second))
	if got := shows(s, 7); got != "nothing" {
		t.Fatalf("while the id is reserved the room has %s, want nothing", got)
	}
	ana = as(s, anaInfo)
	speak(t, s, ana, 7, 2, `{"x":3}`, start.Add(29*time.Second))
	if got := shows(s, 7); got != `2 {"x":3,"user":{"color":"`+color("ana")+`","id":"ana","name":"Ana"}}` {
		t.Errorf("after the owner has reconnected the room has %s", got)
	}
	// An id whose owner does not reconnect in time is free.
	s.step(command{kind: commandLeave, peer: ana, now: start})
	later := start.Add(31 * time.Second)
	s.step(command{kind: commandTick, now: later})
	speak(t, s, mal, 7, 3, `{}`, later)
	if got := shows(s, 7); got == "nothing" {
		t.Error("the id cannot be used after its reservation has expired")
	}
	if len(s.owners) != 1 {
		t.Errorf("%d ids have an owner, want 1", len(s.owners))
	}
}

// TestAwarenessCarriesTheIdentityOfItsSender: the server stamps id and name into a state.
func TestAwarenessCarriesTheIdentityOfItsSender(t *testing.T) {
	s := newState()
	mal, guest := as(s, malInfo), as(s, PeerInfo{Role: auth.Write, User: "guest-1", Name: "Guest 1", Anonymous: true})
	speak(t, s, mal, 7, 1, `{"user":{"id":"ana","name":"Ana","color":"#00ff00"}}`, start)
	if got := shows(s, 7); got != `1 {"user":{"color":"#00ff00","id":"mal","name":"Mal"}}` {
		t.Errorf("%s", got)
	}
	speak(t, s, guest, 8, 1, `{"user":{"id":"ana","name":"Zo\u0007"}}`, start)
	if got := shows(s, 8); got != `1 {"user":{"color":"`+color("guest-1")+`","id":"guest-1","name":"Zo"}}` {
		t.Errorf("%s", got)
	}
	// A name that changes with a new token changes in the awareness, too.
	s.step(command{kind: commandGrant, peer: mal, info: PeerInfo{Role: auth.Write, User: "mal", Name: "Malory"}, now: start})
	speak(t, s, mal, 7, 2, `{}`, start)
	if got := shows(s, 7); got != `2 {"user":{"color":"`+color("mal")+`","id":"mal","name":"Malory"}}` {
		t.Errorf("%s", got)
	}
}

// TestAnonymousOwnerIsProbed: a newer state from another anonymous peer, which may be the same
// person on a new connection, makes the room probe the owner. An echoed state does not.
func TestAnonymousOwnerIsProbed(t *testing.T) {
	s := newState()
	old := &nobody{}
	s.step(joinOf(old, PeerInfo{Role: auth.Write, User: "guest-1", Anonymous: true}))
	again := as(s, PeerInfo{Role: auth.Write, User: "guest-2", Anonymous: true})
	speak(t, s, old, 7, 1, `{}`, start)
	if probed := speak(t, s, again, 7, 1, `{}`, start); len(probed) != 0 {
		t.Errorf("an echo probes %v", probed)
	}
	if probed, got := speak(t, s, again, 7, 2, `{}`, start), shows(s, 7); len(probed) != 1 || probed[0] != Peer(old) || got != "1 {}" {
		t.Errorf("probed %v, want the owner; the room shows %s, want 1 {}", probed, got)
	}
	s.step(command{kind: commandLeave, peer: old, now: start}) // it did not answer the probe
	speak(t, s, again, 7, 3, `{}`, start)
	if got := shows(s, 7); got != "3 {}" {
		t.Errorf("the room has %s", got)
	}
}

// TestTabsOfOneUserMaySetEachOthersAwareness: y-websocket sends the server the states of
// its browser's other tabs, too. A tab that closes does not remove the others' states.
func TestTabsOfOneUserMaySetEachOthersAwareness(t *testing.T) {
	s := newState()
	one, two := as(s, anaInfo), as(s, anaInfo)
	speak(t, s, one, 1, 1, `{"n":1}`, start)
	speak(t, s, one, 2, 1, `{"n":1}`, start) // the other tab's state
	speak(t, s, two, 2, 1, `{"n":1}`, start)
	speak(t, s, two, 2, 2, `{"n":2}`, start)
	speak(t, s, one, 2, 2, `{"n":2}`, start)
	if got := shows(s, 2); got[:1] != "2" {
		t.Errorf("the room has %s", got)
	}
	s.step(command{kind: commandLeave, peer: one, now: start})
	if got := shows(s, 2); got[:1] != "2" {
		t.Errorf("one tab has left, and of the other the room has %s", got)
	}
}

// TestEchoedStatesAreNotParsed: the JSON of a state that is not newer is not looked at.
func TestEchoedStatesAreNotParsed(t *testing.T) {
	s := newState()
	ana, mal := as(s, anaInfo), as(s, malInfo)
	speak(t, s, ana, 7, 1, `{}`, start)
	speak(t, s, mal, 7, 1, `{not looked at`, start)
	if n := len(s.aware.All()); n != 1 {
		t.Errorf("the room has %d states, want 1", n)
	}
}

// TestAfterARestartClientsRenewTheirAwareness: other clients may know a client's state at
// this very clock and ignore it, so the room makes the client send a newer one.
func TestAfterARestartClientsRenewTheirAwareness(t *testing.T) {
	s := newState()
	s.loaded = start
	ana := as(s, anaInfo)
	move := func(clock uint64, now time.Time) []effect {
		return s.step(command{kind: commandMessage, peer: ana, body: aware(7, clock, `{}`), now: now})
	}
	effects := move(5, start)
	want := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 7, Clock: 5, JSON: []byte("null")}}))
	if got := kinds(effects); !slices.Equal(got, []effectKind{effectTouch, effectAwareness, effectSend}) || effects[2].to != s.members.of(ana) || !bytes.Equal(effects[2].body, want) {
		t.Errorf("effects %+v", effects)
	}
	if effects := move(6, start); !slices.Equal(kinds(effects), []effectKind{effectAwareness}) { // a renewal touches nobody
		t.Errorf("the client is made to renew twice: %+v", effects)
	}
	old := newState()
	old.loaded = start
	s, ana = old, as(old, anaInfo)
	if effects := move(5, start.Add(2*renewWindow)); !slices.Equal(kinds(effects), []effectKind{effectTouch, effectAwareness}) {
		t.Errorf("the client of a room that was loaded long ago is made to renew: %+v", effects)
	}
	if effects := old.step(command{kind: commandMessage, peer: ana, body: aware(8, 0, `{}`), now: start}); !slices.Equal(kinds(effects), []effectKind{effectTouch, effectAwareness}) {
		t.Errorf("a client with clock 0 is made to renew: %+v", effects)
	}
}
