package server

import (
	"fmt"
	"testing"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// What somebody does makes them active, and what their client does by itself does
// not.
func TestActionsMakeAPersonActive(t *testing.T) {
	s := startServer(t, Config{})
	anaWho, benWho := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	ana, ben := s.joinRoom(t, anaWho, "r"), s.joinRoom(t, benWho, "r")
	becomes := func(why, status string) {
		t.Helper()
		ana.waitFor("Ben "+status+" by "+why, func(g received) bool {
			if g.name != "presence" {
				return false
			}
			for _, p := range g.value["joins"].([]any) {
				if p := p.(map[string]any); p["id"] == benWho.User.ID && p["status"] == status {
					return true
				}
			}
			return false
		})
	}
	cursor := func(clock uint64, json string) []byte {
		return wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{{ClientID: 7, Clock: clock, JSON: []byte(json)}}))
	}
	becomes("coming", "online")
	edit, err := crdt.New(crdt.Options{ClientID: 7}).InsertText("t", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		name string
		do   func()
	}{
		{"scrolling", func() { ben.sendEvent(0, "active", map[string]bool{"on": true}) }},
		{"typing", func() { ben.sendEvent(1, "typing", map[string]bool{"on": true}) }},
		{"a message", func() { ben.sendEvent(1, "send", map[string]string{"id": "m1", "text": "hello"}) }},
		{"a cursor", func() { ben.sendBody(1, cursor(1, `{"cursor":1}`)) }},
		{"a cursor that moves", func() { ben.sendBody(1, cursor(2, `{"cursor":2}`)) }},
		{"an edit", func() { ben.sendBody(1, wire.AppendUpdate(nil, edit)) }},
	} {
		ben.sendEvent(0, "active", map[string]bool{"on": false})
		becomes("turning away", "idle")
		way.do()
		becomes(way.name, "online")
	}
	ben.sendEvent(0, "active", map[string]bool{"on": false})
	becomes("turning away", "idle")
	ben.sendBody(1, cursor(3, `{"cursor":2}`))
	ana.waitFor("a renewed cursor", func(g received) bool {
		states, err := awareness.Decode(g.Payload)
		return g.Type == wire.TypeAwareness && err == nil && len(states) == 1 && states[0].Clock == 3
	})
	var room struct{ People []map[string]any }
	s.requestJSON(t, "GET", "/api/rooms/r/people", anaWho.Token, nil, &room)
	var seen map[string]map[string]any
	s.requestJSON(t, "GET", "/api/presence?ids="+benWho.User.ID, anaWho.Token, nil, &seen)
	for _, p := range room.People {
		if p["id"] == benWho.User.ID && p["status"] != "idle" {
			t.Errorf("after a renewal Ben is %v", p)
		}
	}
	if got := fmt.Sprint(seen[benWho.User.ID]); got != "map[devices:1 status:idle]" {
		t.Errorf("over all rooms Ben is %s", got)
	}
}
