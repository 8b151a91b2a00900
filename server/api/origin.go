package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"weft/notify/guard"
	"weft/server/problem"
)

var (
	errOrigin = error(problem.OriginRefused.New("start the server with --origins to add it"))
	errHost   = error(problem.HostRefused.New("open mode on loopback answers only to localhost: start the server with --public-url to add a name"))
)

// Origins decides from which origins pages may use the server.
type Origins struct {
	// Allowed are further origins besides the server's own, such as
	// https://app.example.org.
	Allowed []string
	// PublicURL is the address at which people reach the server; empty if unknown.
	PublicURL string
	// Local is set in open mode on a loopback address. Then pages from any port
	// of this machine are allowed, and the Host header must name this machine:
	// otherwise any web page could use the server by letting its own host name
	// resolve to a loopback address (DNS rebinding).
	Local bool
}

// Check returns an error if the request has an Origin that is not allowed. A
// request without one was not sent by a page.
func (o Origins) Check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || o.allows(origin, r.Host) {
		return nil
	}
	return fmt.Errorf("%w (%.100q)", errOrigin, origin)
}

func (o Origins) allows(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, host) || o.Local && guard.IsLoopback(u.Host) {
		return true
	}
	for _, allowed := range o.Allowed {
		if strings.EqualFold(strings.TrimSuffix(allowed, "/"), origin) {
			return true
		}
	}
	public, err := url.Parse(o.PublicURL)
	return err == nil && o.PublicURL != "" && strings.EqualFold(public.Scheme+"://"+public.Host, origin)
}

// checkHost returns an error if Local is set and the Host header does not name this
// machine.
func (o Origins) checkHost(r *http.Request) error {
	if !o.Local || guard.IsLoopback(r.Host) {
		return nil
	}
	if public, err := url.Parse(o.PublicURL); err == nil && o.PublicURL != "" && strings.EqualFold(public.Host, r.Host) {
		return nil
	}
	return errHost
}

// guard applies Origins to every request, and sets the CORS headers for allowed
// origins.
func (a *API) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		if err := a.Origins.checkHost(r); err != nil {
			return err
		}
		origin := r.Header.Get("Origin")
		if origin == "" {
			return next(c)
		}
		if err := a.Origins.Check(r); err != nil {
			return err
		}
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, If-Match, If-None-Match")
			h.Set("Access-Control-Max-Age", "600")
			return c.NoContent(http.StatusNoContent)
		}
		return next(c)
	}
}
