package main

import (
	"fmt"
	"strings"
	"testing"

	"weft/presence/awareness"
)

func TestPaletteIsGeneratedForEverySlot(t *testing.T) {
	sources, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]func(slot int, c awareness.Color) string{
		"sdk/src/generated/palette.ts": func(_ int, c awareness.Color) string {
			return fmt.Sprintf("{ light: '%s', dark: '%s' }", c.Light, c.Dark)
		},
		"elements/generated/palette.css": func(slot int, c awareness.Color) string {
			return fmt.Sprintf("--weft-c%d: light-dark(%s, %s);", slot, c.Light, c.Dark)
		},
		"elements/generated/slots.css": func(slot int, _ awareness.Color) string {
			return fmt.Sprintf(".c%d { --c: var(--weft-c%d); }", slot, slot)
		},
	}
	for path, want := range wants {
		for slot, c := range awareness.Palette {
			if line := want(slot, c); !strings.Contains(string(sources[path]), line) {
				t.Errorf("%s: slot %d: %q is missing", path, slot, line)
			}
		}
	}
}
