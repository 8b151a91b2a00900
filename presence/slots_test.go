package presence_test

import (
	"testing"

	"weft/presence"
	"weft/presence/awareness"
)

func TestEverySlotHasAColour(t *testing.T) {
	if len(awareness.Palette) != presence.Slots {
		t.Errorf("the palette has %d colours, want one for each of the %d slots", len(awareness.Palette), presence.Slots)
	}
}

// The browser SDK computes the same hash (web/sdk/src), so its results are part
// of the contract: FNV-1a, 32 bits, over the UTF-8 bytes of the id, modulo 12.
func TestPreferredSlotIsFNV1aOfTheID(t *testing.T) {
	for _, user := range []string{"", "ana", "ben", "guest-1", "Zoë", "日本"} {
		h := uint32(0x811c9dc5)
		for _, b := range []byte(user) {
			h = (h ^ uint32(b)) * 0x01000193
		}
		if got, want := presence.PreferredSlot(user), int(h%12); got != want {
			t.Errorf("PreferredSlot(%q) = %d, want %d", user, got, want)
		}
	}
}
