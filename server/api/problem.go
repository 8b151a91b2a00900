package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"weft/notify"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/room"
	"weft/server/store"
	"weft/server/ws"
)

// problem is an error as RFC 9457 has it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// retry is what Retry-After says, in seconds; 0 is 2.
	retry int
}

func (p problem) Error() string { return p.Title + ": " + p.Detail }

// status turns errors outward: the one table of this door. The first that
// matches counts; anything else is a 500 whose cause stays in the log.
var status = []struct {
	err   error
	code  int
	title string
}{
	{auth.ErrNoToken, http.StatusUnauthorized, "A token is needed"},
	{auth.ErrExpired, http.StatusUnauthorized, "The token has run out"},
	{auth.ErrToken, http.StatusUnauthorized, "The token is not valid"},
	{auth.ErrKeys, http.StatusServiceUnavailable, "The token cannot be checked now"},
	{errForbidden, http.StatusForbidden, "Forbidden"},
	{errOrigin, http.StatusForbidden, "Origin not allowed"},
	{errHost, http.StatusForbidden, "Host not allowed"},
	{chat.ErrForbidden, http.StatusForbidden, "Forbidden"},
	{store.ErrRoomID, http.StatusBadRequest, "Bad room id"},
	{chat.ErrInvalid, http.StatusUnprocessableEntity, "Not a message"},
	{store.ErrConflict, http.StatusConflict, "Conflict"},
	{store.ErrNoMessage, http.StatusNotFound, "No such message"},
	{store.ErrDeleted, http.StatusGone, "The message is deleted"},
	{store.ErrVersion, http.StatusPreconditionFailed, "Changed meanwhile"},
	{store.ErrFull, http.StatusUnprocessableEntity, "Too many reactions"},
	{notify.ErrNotFound, http.StatusNotFound, "Not found"},
	{ws.ErrTooMany, http.StatusTooManyRequests, "Too many connections"},
	{ws.ErrStopping, http.StatusServiceUnavailable, "The server is stopping"},
	{room.ErrMemory, http.StatusServiceUnavailable, "The server is full"},
	{room.ErrClosed, http.StatusServiceUnavailable, "The server is stopping"},
	{context.Canceled, http.StatusServiceUnavailable, "The request was given up"}, // nobody reads it
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "The server is too busy"},
}

// toProblem finds what to answer; known is false for an error that only the
// log may see.
func toProblem(err error) (p problem, known bool) {
	var own problem
	if errors.As(err, &own) {
		return own, true
	}
	if fast := (*chat.RateLimitError)(nil); errors.As(err, &fast) {
		return problem{Title: "Too many messages", Status: http.StatusTooManyRequests, Detail: err.Error(), retry: fast.Seconds()}, true
	}
	if errors.Is(err, store.ErrCorrupt) { // the log has the rest
		return problem{Title: "The room is quarantined", Status: http.StatusServiceUnavailable, Detail: "what is stored of it is damaged; its operator has to look after it"}, true
	}
	for _, s := range status {
		if errors.Is(err, s.err) {
			return problem{Title: s.title, Status: s.code, Detail: err.Error()}, true
		}
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		detail, _ := he.Message.(string)
		return problem{Title: http.StatusText(he.Code), Status: he.Code, Detail: detail}, he.Code < 500
	}
	return problem{Title: "Internal error", Status: http.StatusInternalServerError}, false
}

// fail is Echo's error handler.
func (a *API) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p, known := toProblem(err)
	// Who has hung up is told nothing, and it is no fault of ours.
	if gone := c.Request().Context().Err() != nil && errors.Is(err, context.Canceled); !known && !gone {
		a.Log.Error("request failed", "method", c.Request().Method, "route", c.Path(), "err", err)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", strconv.Itoa(cmp.Or(p.retry, 2)))
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	c.Response().WriteHeader(p.Status)
	if c.Request().Method != http.MethodHead {
		_ = json.NewEncoder(c.Response()).Encode(p)
	}
}

func badRequest(detail string) error {
	return problem{Title: "Bad request", Status: http.StatusBadRequest, Detail: detail}
}
