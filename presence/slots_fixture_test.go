package presence_test

import (
	"encoding/json"
	"os"
	"testing"

	"weft/presence"
)

// The fixture is shared with the browser SDK (web/sdk/test/palette.test.ts), so
// that both give a person the same colour.
func TestPreferredSlotObeysTheFixtureSharedWithTheBrowser(t *testing.T) {
	body, err := os.ReadFile("testdata/slots.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		ID   string
		Slot int
	}
	if err := json.Unmarshal(body, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("the fixture has no cases")
	}
	for _, c := range cases {
		if got := presence.PreferredSlot(c.ID); got != c.Slot {
			t.Errorf("PreferredSlot(%q) = %d, want %d", c.ID, got, c.Slot)
		}
	}
}
