package api

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"weft/server/problem"
)

var (
	errOrigin = error(problem.OriginRefused.New("start the server with --origins to add it"))
	errHost   = error(problem.HostRefused.New("open mode on loopback answers only to localhost: start the server with --public-url to add a name"))
)

// Origins decides which pages of which origins may talk to the server.
type Origins struct {
	// Allowed origins besides our own, like https://app.example.org.
	Allowed []string
	// PublicURL is where people reach the server, empty if that is not known.
	PublicURL string
	// Local is set in open mode on a loopback address: pages from any port of
	// this machine are welcome, and the Host must name this machine, as else
	// any web page could come in by making its own name resolve to it (DNS
	// rebinding).
	Local bool
}

// Check returns nil if the request's Origin, if it has one, is allowed.
// Requests without one do not come from a page.
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
	if strings.EqualFold(u.Host, host) || o.Local && isLoopback(u.Host) {
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

// checkHost is what Local demands of the Host header.
func (o Origins) checkHost(r *http.Request) error {
	if !o.Local || isLoopback(r.Host) {
		return nil
	}
	if public, err := url.Parse(o.PublicURL); err == nil && o.PublicURL != "" && strings.EqualFold(public.Host, r.Host) {
		return nil
	}
	return errHost
}

// isLoopback tells whether a host, with or without a port, is this machine.
func isLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// guard applies Origins to every request, and answers CORS for allowed origins.
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
