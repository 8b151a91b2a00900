package server

import (
	"fmt"
	"testing"

	"weft/presence"
	"weft/server/event"
)

// TestCrowdIsSummarised checks presence events while 2,000 people join a room. A peer
// receives few events, which name the first 200 people and count all. A later peer gets
// the same in "joined". When one of the 200 leaves, the next person is named.
func TestCrowdIsSummarised(t *testing.T) {
	const crowd = 2000
	s := startServer(t, Config{})
	ana := s.joinRoom(t, s.createGuest(t, "Ana"), "r")
	for i := range crowd {
		m := presence.Member{Room: "r", Conn: fmt.Sprint("c", i), User: fmt.Sprint("u", i), Name: "Somebody"}
		if _, err := s.people.Join(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	named, events := map[string]bool{}, 0
	record := func(g received) bool {
		if g.name != "presence" {
			return false
		}
		events++
		for _, p := range g.value["joins"].([]any) {
			named[p.(map[string]any)["id"].(string)] = true
		}
		return true
	}
	ana.waitFor("the count of the whole crowd", func(g received) bool {
		return record(g) && fmt.Sprint(g.value["count"]) == fmt.Sprint(crowd+1)
	})
	if len(named) != event.MaxListed {
		t.Errorf("%d people are named, want %d", len(named), event.MaxListed)
	}
	if events > crowd/4 {
		t.Errorf("%d events for %d people, want at most %d", events, crowd, crowd/4)
	}
	ben := s.joinRoom(t, s.createGuest(t, "Ben"), "r")
	if n := len(ben.joined["people"].([]any)); n != 200 || fmt.Sprint(ben.joined["count"]) != fmt.Sprint(crowd+2) {
		t.Errorf("joined names %d people and counts %v, want 200 and %d", n, ben.joined["count"], crowd+2)
	}
	if err := s.people.Leave(t.Context(), "r", "c0"); err != nil { // after a grace period
		t.Fatal(err)
	}
	ana.waitFor("the name of the next person", func(g received) bool { return record(g) && len(named) == event.MaxListed+1 })
}
