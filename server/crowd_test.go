package server

import (
	"fmt"
	"testing"

	"weft/presence"
)

// A crowd of 2,000 that comes costs one in the room a few messages a second and not
// one for each who came; a newcomer is told of 200 and of how many there are.
func TestCrowd(t *testing.T) {
	const crowd = 2000
	s := run(t, Config{})
	ana := s.enter(t, s.guest(t, "Ana"), "r")
	for i := range crowd {
		m := presence.Member{Room: "r", Conn: fmt.Sprint("c", i), User: fmt.Sprint("u", i), Name: "Somebody"}
		if _, err := s.people.Join(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	told, messages := map[string]bool{}, 0
	ana.until("all of the crowd", func(g got) bool {
		if g.name != "presence" {
			return false
		}
		messages++
		for _, p := range g.value["joins"].([]any) {
			told[p.(map[string]any)["id"].(string)] = true
		}
		return len(told) == crowd+1 && fmt.Sprint(g.value["count"]) == fmt.Sprint(crowd+1)
	})
	if messages > crowd/4 {
		t.Errorf("%d messages for %d people", messages, crowd)
	}
	ben := s.enter(t, s.guest(t, "Ben"), "r")
	if n := len(ben.joined["people"].([]any)); n != 200 || fmt.Sprint(ben.joined["count"]) != fmt.Sprint(crowd+2) {
		t.Errorf("told of %d people and a count of %v", n, ben.joined["count"])
	}
}
