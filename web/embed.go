// Package web carries what the browser gets: the pages, their scripts, styles
// and fonts, built by web/build and committed under dist, so that a checkout
// with Go alone serves the whole product.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Dist returns the built site rooted at its index.html. The files never
// change while the program runs, and any number of callers may read at once.
func Dist() fs.FS {
	site, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: embedded dist: " + err.Error()) // fails only for an invalid constant path
	}
	return site
}
