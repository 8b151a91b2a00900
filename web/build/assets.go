package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// fonts says which file of which package becomes which font of dist. The latin
// subset alone: other scripts fall back to the reader's own fonts.
var fonts = []struct{ from, to string }{
	{"newsreader/files/newsreader-latin-opsz-normal.woff2", "newsreader.woff2"},
	{"newsreader/files/newsreader-latin-wght-italic.woff2", "newsreader-italic.woff2"},
	{"instrument-sans/files/instrument-sans-latin-wght-normal.woff2", "instrument-sans.woff2"},
	{"geist-mono/files/geist-mono-latin-wght-normal.woff2", "geist-mono.woff2"},
}

const fontPackages = "node_modules/@fontsource-variable"

func copyFonts(root string, made site) error {
	for _, f := range fonts {
		body, err := os.ReadFile(filepath.Join(root, fontPackages, f.from))
		if err != nil {
			return fmt.Errorf("build: font (is node_modules installed?): %w", err)
		}
		if err := made.add("fonts/"+f.to, body); err != nil {
			return err
		}
	}
	return nil
}

// copyStatic adds the files that are served as they are written.
func copyStatic(dir string, made site) error {
	files, err := read(dir)
	if err != nil {
		return err
	}
	for name, body := range files {
		if err := made.add(name, body); err != nil {
			return err
		}
	}
	return nil
}
