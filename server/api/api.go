// Package api is the HTTP door, and the only package that knows Echo. It serves
// the JSON API, streams of server-sent events and the pages, and hands requests
// for WebSockets to the WebSocket door. Package problem says what each error is
// answered with.
package api

import (
	"cmp"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"weft/notify"
	"weft/notify/webpush"
	"weft/presence"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/internal/ratelimit"
	"weft/server/problem"
	"weft/server/room"
	"weft/server/store"
)

// Config of the API. All fields are required except Degraded and Proxies.
type Config struct {
	Auth   *auth.Verifier
	Access *auth.Access
	Chat   *chat.Service
	Hub    *room.Hub
	Store  store.Store
	Inbox  notify.Inbox
	Worker *notify.Worker
	Push   *webpush.Sender
	People presence.Tracker
	// Degraded returns the names of parts that work without the other nodes now. A
	// nil function means none.
	Degraded func() []string
	Sockets  Sockets
	Live     *Live
	Pages    fs.FS
	Origins  Origins
	// Proxies are trusted to say in X-Forwarded-For which address a request is from.
	Proxies []netip.Prefix
	Limits  Limits
	// Hit is called with the name of a limit whenever the limit refuses something.
	// It must not block.
	Hit     func(limit string)
	Metrics http.Handler
	Log     *slog.Logger
}

// Sockets serves WebSocket connections. Each method checks the connection
// limits and returns when the upgrade has been answered; the connection lives on. After
// an error nothing has been written to w. Origin and identity have been checked
// before.
type Sockets interface {
	// ServeRoom serves the y-websocket dialect in one room, which the user may read.
	ServeRoom(w http.ResponseWriter, r *http.Request, u RoomUser) error
	// ServeHocuspocus serves the Hocuspocus dialect. token is the token of the
	// request, or empty. It is used for documents whose messages contain no token.
	ServeHocuspocus(w http.ResponseWriter, r *http.Request, token string) error
	// ServeNative serves the native dialect. token is the token of the request. If
	// it is empty, the client's first event must contain one.
	ServeNative(w http.ResponseWriter, r *http.Request, token string) error
	// Renew applies changed access rights to a user's open connections. It does
	// not wait for them.
	Renew(user string)
}

// RoomUser is the user who opens a WebSocket connection to one room.
type RoomUser struct {
	Identity auth.Identity
	// Anonymous users came without a token; nothing is remembered for them.
	Anonymous bool
	Room      store.RoomID
}

// API answers HTTP requests. Safe for concurrent use.
type API struct {
	Config
	echo      *echo.Echo
	pages     pages
	newGuests *ratelimit.Keyed[string] // by client address

	accessChange sync.Mutex // held while the access of a user changes
}

// New returns the API with all its routes. It fails if c.Pages cannot be read.
func New(c Config) (*API, error) {
	a := &API{Config: c, echo: echo.New(), newGuests: ratelimit.New[string](0)}
	var err error
	if a.pages, err = loadPages(c.Pages); err != nil {
		return nil, err
	}
	e := a.echo
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = a.fail
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisablePrintStack: true,
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			a.Log.Error("panic in a request", "route", c.Path(), "err", err, "stack", string(stack))
			return err
		},
	}))
	e.Use(secure, a.guard)
	a.routes()
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.echo.ServeHTTP(w, r) }

// secure sets the security headers of every answer.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		return next(c)
	}
}

var errForbidden error = problem.Forbidden.New("you may not do this")

// identify returns who sent the request. A backend with the API key acts as the
// user named in X-Weft-User, with full rights.
func (a *API) identify(c echo.Context) (auth.Identity, error) {
	token := auth.RequestToken(c.Request())
	if a.Auth.IsAPIKey(token) {
		user := c.Request().Header.Get("X-Weft-User")
		if user == "" {
			user = "api"
		}
		if !auth.ValidUser(user) {
			return auth.Identity{}, badRequest("X-Weft-User is a user id: 1 to 128 bytes without spaces or control characters")
		}
		return auth.Identity{User: user, Name: cmp.Or(auth.CleanName(user), user), Grants: []auth.Grant{{Pattern: "**", Role: auth.Admin}}}, nil
	}
	return a.Auth.Identify(token)
}

// person is identify for what is kept for a person, such as the inbox. It requires
// a token even in open mode, where people without a token are new each time.
func (a *API) person(c echo.Context) (auth.Identity, error) {
	if auth.RequestToken(c.Request()) == "" {
		return auth.Identity{}, auth.ErrNoToken
	}
	return a.identify(c)
}

// enter returns who sent the request and the room in its path, if they have at
// least this role in the room.
func (a *API) enter(c echo.Context, role auth.Role) (auth.Identity, store.RoomID, error) {
	id, err := a.identify(c)
	if err != nil {
		return id, "", err
	}
	// Echo decodes the parameters itself, except if the path as it was sent is not
	// the encoding of the decoded path. Then RawPath is set.
	name := c.Param("room")
	if c.Request().URL.RawPath != "" {
		if name, err = url.PathUnescape(name); err != nil {
			return id, "", store.ErrRoomID
		}
	}
	roomID, err := store.ParseRoomID(name)
	if err != nil {
		return id, "", err
	}
	if id.Role(string(roomID)) < role {
		return id, "", errForbidden
	}
	return id, roomID, nil
}

// restOf returns the room id in a path after prefix. It is percent-decoded once.
func restOf(r *http.Request, prefix string) (store.RoomID, error) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	if !ok {
		return "", store.ErrRoomID
	}
	name, err := url.PathUnescape(rest)
	if err != nil {
		return "", store.ErrRoomID
	}
	return store.ParseRoomID(name)
}
