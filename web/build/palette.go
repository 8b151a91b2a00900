package main

import (
	"fmt"
	"strings"

	"weft/presence/awareness"
)

// addPalette adds the colours of people, which Go keeps in awareness.Palette, in
// the languages of the browser:
//
//   - a TypeScript table, for editors that take a colour from the SDK;
//   - custom properties --weft-cN, which follow the theme;
//   - classes cN, which give an element's --c the colour of slot N.
func addPalette(sources files) error {
	var table, properties, classes strings.Builder
	for slot, c := range awareness.Palette {
		fmt.Fprintf(&table, "  { light: '%s', dark: '%s' },\n", c.Light, c.Dark)
		fmt.Fprintf(&properties, "  --weft-c%d: light-dark(%s, %s);\n", slot, c.Light, c.Dark)
		fmt.Fprintf(&classes, ".c%d { --c: var(--weft-c%d); }\n", slot, slot)
	}
	for path, body := range map[string]string{
		"sdk/src/generated/palette.ts": "// " + generatedFrom("awareness.Palette") + "\n\n" +
			"/** The colour of each person slot, by slot number, on light and on dark backgrounds. */\n" +
			"export const palette = [\n" + table.String() + "] as const\n",
		"elements/generated/palette.css": "/* " + generatedFrom("awareness.Palette") + " */\n" +
			":root {\n" + properties.String() + "}\n",
		"elements/generated/slots.css": "/* " + generatedFrom("awareness.Palette") + " */\n" + classes.String(),
	} {
		if err := sources.add(path, []byte(body)); err != nil {
			return err
		}
	}
	return nil
}
