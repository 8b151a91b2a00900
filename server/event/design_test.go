package event_test

import (
	"os"
	"strings"
	"testing"

	"weft/server/event"
)

// TestDesignListsEveryEvent: the table in DESIGN.md names every event that the server
// sends, and no other.
func TestDesignListsEveryEvent(t *testing.T) {
	text, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Events\n")
	if !ok {
		t.Fatal("DESIGN.md has no section Events")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		names, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for name := range strings.SplitSeq(names, ", ") {
			listed[strings.Trim(name, "`")] = true
		}
	}
	for _, e := range event.FromServer() {
		if !listed[e.EventName()] {
			t.Errorf("DESIGN.md does not list the event %s", e.EventName())
		}
	}
	for _, e := range event.FromServer() {
		delete(listed, e.EventName())
	}
	for name := range listed {
		t.Errorf("DESIGN.md lists %s, which the server does not send", name)
	}
}
