package awareness_test

import (
	"testing"

	"weft/presence/awareness"
)

// Every colour must pass the check that Stamp applies to the colours of clients.
func TestPaletteColoursAreSixDigitHex(t *testing.T) {
	seen := map[string]bool{}
	for slot, c := range awareness.Palette {
		for _, hex := range []string{c.Light, c.Dark} {
			if !awareness.IsColor(hex, 7) {
				t.Errorf("slot %d: %q is not #rrggbb", slot, hex)
			}
			if seen[hex] {
				t.Errorf("slot %d: %q occurs twice in the palette", slot, hex)
			}
			seen[hex] = true
		}
	}
}
