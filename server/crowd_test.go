package server

import (
	"fmt"
	"testing"

	"weft/presence"
	"weft/server/event"
)

// A crowd of 2,000 that comes costs one in the room a few messages a second, with the
// cards of the first 200 and how many there are: not one of each who came. A newcomer
// is told the same. When one of the 200 leaves, the next one is told.
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
	told, messages := map[string]bool{}, 0
	take := func(g received) bool {
		if g.name != "presence" {
			return false
		}
		messages++
		for _, p := range g.value["joins"].([]any) {
			told[p.(map[string]any)["id"].(string)] = true
		}
		return true
	}
	ana.waitFor("all of the crowd", func(g received) bool {
		return take(g) && fmt.Sprint(g.value["count"]) == fmt.Sprint(crowd+1)
	})
	if len(told) != event.MaxListed {
		t.Errorf("told of %d people", len(told))
	}
	if messages > crowd/4 {
		t.Errorf("%d messages for %d people", messages, crowd)
	}
	ben := s.joinRoom(t, s.createGuest(t, "Ben"), "r")
	if n := len(ben.joined["people"].([]any)); n != 200 || fmt.Sprint(ben.joined["count"]) != fmt.Sprint(crowd+2) {
		t.Errorf("told of %d people and a count of %v", n, ben.joined["count"])
	}
	if err := s.people.Leave(t.Context(), "r", "c0"); err != nil { // after a grace period
		t.Fatal(err)
	}
	ana.waitFor("the next one", func(g received) bool { return take(g) && len(told) == event.MaxListed+1 })
}
