package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// fonts maps files of the font packages to the fonts of dist. Only the Latin
// subset is shipped: the browser draws other scripts with the reader's own
// fonts.
var fonts = []struct{ from, to string }{
	{"newsreader/files/newsreader-latin-opsz-normal.woff2", "newsreader.woff2"},
	{"newsreader/files/newsreader-latin-wght-italic.woff2", "newsreader-italic.woff2"},
	{"instrument-sans/files/instrument-sans-latin-wght-normal.woff2", "instrument-sans.woff2"},
	{"geist-mono/files/geist-mono-latin-wght-normal.woff2", "geist-mono.woff2"},
}

const fontPackages = "node_modules/@fontsource-variable"

// addFonts adds the fonts under fonts/. root is the web folder.
func addFonts(root string, site files) error {
	for _, f := range fonts {
		body, err := os.ReadFile(filepath.Join(root, fontPackages, f.from))
		if err != nil {
			return fmt.Errorf("build: read font (if web/node_modules is missing, run npm ci in web): %w", err)
		}
		if err := site.add("fonts/"+f.to, body); err != nil {
			return err
		}
	}
	return nil
}

// addStatic adds the files below dir unchanged.
func addStatic(dir string, site files) error {
	static, err := readFolder(dir)
	if err != nil {
		return err
	}
	for path, body := range static {
		if err := site.add(path, body); err != nil {
			return err
		}
	}
	return nil
}
