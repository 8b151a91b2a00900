package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"weft/server/problem"
)

// csp is the Content-Security-Policy of our pages: nothing from other origins and
// nothing inline.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// pages holds the embedded files by path. They are read once, at the start.
type pages map[string]pageFile

type pageFile struct {
	body        []byte
	contentType string
	etag        string
}

func loadPages(files fs.FS) (pages, error) {
	all := pages{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		all[name] = pageFile{body: body, contentType: contentType(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("api: pages: %w", err)
	}
	return all, nil
}

// contentType returns the media type of a file by its extension. For the types
// that our pages need it does not depend on the tables of the machine.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func (a *API) page(name string) echo.HandlerFunc {
	return func(c echo.Context) error { return a.serveFile(c, name) }
}

// file serves an embedded file at its own path.
func (a *API) file(c echo.Context) error {
	return a.serveFile(c, strings.TrimPrefix(c.Request().URL.Path, "/"))
}

// space serves the page of the room named by the rest of the path.
func (a *API) space(c echo.Context) error {
	if _, err := restOf(c.Request(), "/s/"); err != nil {
		return err
	}
	return a.serveFile(c, "space.html")
}

func (a *API) serveFile(c echo.Context, name string) error {
	f, ok := a.pages[name]
	if !ok {
		return problem.NotFound.New("there is no such page")
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", csp)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache") // ask each time; the ETag makes it cheap
	if c.Request().Header.Get("If-None-Match") == f.etag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, f.contentType, f.body)
}
