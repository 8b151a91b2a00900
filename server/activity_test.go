package server

import (
	"fmt"
	"testing"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// TestActionsMakeAPersonActive checks that a person's actions set their status to online,
// and that a renewal of awareness by their client does not.
func TestActionsMakeAPersonActive(t *testing.T) {
	s := startServer(t, Config{})
	anaUser, benUser := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	ana, ben := s.joinRoom(t, anaUser, "r"), s.joinRoom(t, benUser, "r")
	waitForStatus := func(reason, status string) {
		t.Helper()
		ana.waitFor("Ben to be "+status+" after "+reason, func(g received) bool {
			if g.name != "presence" {
				return false
			}
			for _, p := range g.value["joins"].([]any) {
				if p := p.(map[string]any); p["id"] == benUser.User.ID && p["status"] == status {
					return true
				}
			}
			return false
		})
	}
	caret := func(clock uint64, json string) []byte {
		return wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 7, Clock: clock, JSON: []byte(json)}}))
	}
	waitForStatus("joining", "online")
	edit, err := crdt.New(crdt.Options{ClientID: 7}).InsertText("t", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []struct {
		name string
		do   func()
	}{
		{"an active event", func() { ben.sendEvent(0, "active", map[string]bool{"on": true}) }},
		{"typing", func() { ben.sendEvent(1, "typing", map[string]bool{"on": true}) }},
		{"a message", func() { ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"}) }},
		{"a caret", func() { ben.sendBody(1, caret(1, `{"cursor":1}`)) }},
		{"a caret that moves", func() { ben.sendBody(1, caret(2, `{"cursor":2}`)) }},
		{"an edit", func() { ben.sendBody(1, wire.AppendUpdate(nil, edit)) }},
	} {
		ben.sendEvent(0, "active", map[string]bool{"on": false})
		waitForStatus("an inactive event", "idle")
		action.do()
		waitForStatus(action.name, "online")
	}
	ben.sendEvent(0, "active", map[string]bool{"on": false})
	waitForStatus("an inactive event", "idle")
	ben.sendBody(1, caret(3, `{"cursor":2}`))
	ana.waitFor("the renewed caret", func(g received) bool {
		states, err := awareness.Decode(g.Payload)
		return g.Type == wire.TypeAwareness && err == nil && len(states) == 1 && states[0].Clock == 3
	})
	var room struct{ People []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/people", anaUser.Token, nil, &room)
	var seen map[string]map[string]any
	s.requestJSON(t, "GET", "/api/presence?ids="+benUser.User.ID, anaUser.Token, nil, &seen)
	for _, p := range room.People {
		if p["id"] == benUser.User.ID && p["status"] != "idle" {
			t.Errorf("after a renewal Ben is %v, want status idle", p)
		}
	}
	if got := fmt.Sprint(seen[benUser.User.ID]); got != "map[devices:1 status:idle]" {
		t.Errorf("Ben's presence over all rooms is %s, want one idle device", got)
	}
}
