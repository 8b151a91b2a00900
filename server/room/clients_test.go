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

// shows is what the room holds of a client.
func shows(s *state, id uint64) string {
	for _, st := range s.aware.All() {
		if st.ClientID == id {
			return fmt.Sprintf("%d %s", st.Clock, st.JSON)
		}
	}
	return "nothing"
}

var (
	anaWho = PeerInfo{Role: auth.Write, User: "ana", Name: "Ana"}
	malWho = PeerInfo{Role: auth.Write, User: "mal", Name: "Mal"}
)

// TestNobodySpeaksForAnothersClient: neither to move it, nor to end it, nor to
// silence it, and also not while it is away for a moment.
func TestNobodySpeaksForAnothersClient(t *testing.T) {
	s := newState()
	ana, mal := as(s, anaWho), as(s, malWho)
	speak(t, s, ana, 7, 1, `{"x":1}`, start)
	want := shows(s, 7)
	for _, attack := range []struct {
		clock uint64
		json  string
	}{{2, `{"x":2}`}, {1, `null`}, {2, `null`}, {9000, `{"x":2}`}, {1<<53 - 1, `{}`}} {
		speak(t, s, mal, 7, attack.clock, attack.json, start)
		if got := shows(s, 7); got != want {
			t.Fatalf("%d %s: the room shows %s", attack.clock, attack.json, got)
		}
	}
	s.step(command{kind: commandLeave, peer: ana, now: start})
	speak(t, s, mal, 7, 5, `{"x":2}`, start.Add(29*time.Second))
	speak(t, s, mal, 7, 6, `null`, start.Add(29*time.Second))
	if got := shows(s, 7); got != "nothing" {
		t.Fatalf("while she is away the room shows %s", got)
	}
	ana = as(s, anaWho)
	speak(t, s, ana, 7, 2, `{"x":3}`, start.Add(29*time.Second))
	if got := shows(s, 7); got != `2 {"x":3,"user":{"color":"`+color("ana")+`","id":"ana","name":"Ana"}}` {
		t.Errorf("back again: %s", got)
	}
	// An id that its person does not come back to is anybody's.
	s.step(command{kind: commandLeave, peer: ana, now: start})
	later := start.Add(31 * time.Second)
	s.step(command{kind: commandTick, now: later})
	speak(t, s, mal, 7, 3, `{}`, later)
	if got := shows(s, 7); got == "nothing" {
		t.Error("the id is lost for ever")
	}
	if len(s.owners) != 1 {
		t.Errorf("%d ids are kept", len(s.owners))
	}
}

// TestNobodyAppearsUnderAnothersName: the server says who it is.
func TestNobodyAppearsUnderAnothersName(t *testing.T) {
	s := newState()
	mal, guest := as(s, malWho), as(s, PeerInfo{Role: auth.Write, User: "guest-1", Name: "Guest 1", Anonymous: true})
	speak(t, s, mal, 7, 1, `{"user":{"id":"ana","name":"Ana","color":"#00ff00"}}`, start)
	if got := shows(s, 7); got != `1 {"user":{"color":"#00ff00","id":"mal","name":"Mal"}}` {
		t.Errorf("%s", got)
	}
	speak(t, s, guest, 8, 1, `{"user":{"id":"ana","name":"Zo\u0007"}}`, start)
	if got := shows(s, 8); got != `1 {"user":{"color":"`+color("guest-1")+`","id":"guest-1","name":"Zo"}}` {
		t.Errorf("%s", got)
	}
	// A name that changes with the token changes here too.
	s.step(command{kind: commandGrant, peer: mal, info: PeerInfo{Role: auth.Write, User: "mal", Name: "Malory"}, now: start})
	speak(t, s, mal, 7, 2, `{}`, start)
	if got := shows(s, 7); got != `2 {"user":{"color":"`+color("mal")+`","id":"mal","name":"Malory"}}` {
		t.Errorf("%s", got)
	}
}

// TestAnonymousOwnerIsAskedWhetherItLives: when somebody has news of its client,
// which may be itself on a new connection, and not for mere echoes.
func TestAnonymousOwnerIsAskedWhetherItLives(t *testing.T) {
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
	s.step(command{kind: commandLeave, peer: old, now: start}) // it did not answer
	speak(t, s, again, 7, 3, `{}`, start)
	if got := shows(s, 7); got != "3 {}" {
		t.Errorf("the room shows %s", got)
	}
}

// TestTabsOfABrowserSpeakForEachOther: y-websocket tells its other tabs' states
// to the server too; whoever closes first takes nobody along for good.
func TestTabsOfABrowserSpeakForEachOther(t *testing.T) {
	s := newState()
	one, two := as(s, anaWho), as(s, anaWho)
	speak(t, s, one, 1, 1, `{"n":1}`, start)
	speak(t, s, one, 2, 1, `{"n":1}`, start) // the other tab's
	speak(t, s, two, 2, 1, `{"n":1}`, start)
	speak(t, s, two, 2, 2, `{"n":2}`, start)
	speak(t, s, one, 2, 2, `{"n":2}`, start)
	if got := shows(s, 2); got[:1] != "2" {
		t.Errorf("the room shows %s", got)
	}
	s.step(command{kind: commandLeave, peer: one, now: start})
	if got := shows(s, 2); got[:1] != "2" {
		t.Errorf("one tab took the other along: %s", got)
	}
}

// TestEchoesAreNotLookedInto: what is not news may be any JSON.
func TestEchoesAreNotLookedInto(t *testing.T) {
	s := newState()
	ana, mal := as(s, anaWho), as(s, malWho)
	speak(t, s, ana, 7, 1, `{}`, start)
	speak(t, s, mal, 7, 1, `{not looked at`, start)
	if n := len(s.aware.All()); n != 1 {
		t.Errorf("%d states", n)
	}
}

// TestAfterARestartEverybodySpeaksUpAgain: the others in the room knew the
// client at this very clock, so it is told to move on.
func TestAfterARestartEverybodySpeaksUpAgain(t *testing.T) {
	s := newState()
	s.loaded = start
	ana := as(s, anaWho)
	move := func(clock uint64, now time.Time) []effect {
		return s.step(command{kind: commandMessage, peer: ana, body: aware(7, clock, `{}`), now: now})
	}
	effects := move(5, start)
	want := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 7, Clock: 5, JSON: []byte("null")}}))
	if got := kinds(effects); !slices.Equal(got, []effectKind{effectTouch, effectAwareness, effectSend}) || effects[2].to != s.members.of(ana) || !bytes.Equal(effects[2].body, want) {
		t.Errorf("effects %+v", effects)
	}
	if effects := move(6, start); !slices.Equal(kinds(effects), []effectKind{effectAwareness}) { // a renewal touches nobody
		t.Errorf("told again: %+v", effects)
	}
	old := newState()
	old.loaded = start
	s, ana = old, as(old, anaWho)
	if effects := move(5, start.Add(2*renewWindow)); !slices.Equal(kinds(effects), []effectKind{effectTouch, effectAwareness}) {
		t.Errorf("in an old room: %+v", effects)
	}
	if effects := old.step(command{kind: commandMessage, peer: ana, body: aware(8, 0, `{}`), now: start}); !slices.Equal(kinds(effects), []effectKind{effectTouch, effectAwareness}) {
		t.Errorf("a client that begins: %+v", effects)
	}
}
