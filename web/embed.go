// Package web embeds the pages with their scripts, styles and fonts. They are built
// by web/build and committed under dist, so that Go alone is enough to build and
// run the server from a checkout.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Dist returns the built site, rooted at its index.html. The files do not change
// while the program runs, and any number of goroutines may read them.
func Dist() fs.FS {
	site, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: embedded dist: " + err.Error()) // the only cause is an invalid path, and the path is a constant
	}
	return site
}
