package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"weft/server/event"
	"weft/server/internal/clientaddr"
	"weft/server/problem"
)

// problemDetails is the body of an error as RFC 9457 has it. Code is an
// extension member: it names the kind of problem for programs.
type problemDetails struct {
	Code   event.ProblemCode `json:"code"`
	Title  string            `json:"title"`
	Status int               `json:"status"`
	Detail string            `json:"detail,omitempty"`
}

// problemOf finds what to answer; known is false for an error that only the log
// may have.
func problemOf(err error) (p *problem.Problem, known bool) {
	var he *echo.HTTPError
	if errors.As(err, &he) {
		detail, _ := he.Message.(string)
		return kindOf(he.Code).New(detail), he.Code < 500
	}
	return problem.Of(err)
}

// kindOf returns the kind of an error that Echo has found itself.
func kindOf(status int) *problem.Kind {
	switch {
	case status == http.StatusNotFound:
		return problem.NotFound
	case status == http.StatusMethodNotAllowed:
		return problem.MethodNotAllowed
	case status == http.StatusRequestEntityTooLarge:
		return problem.TooLarge
	case status < 500:
		return problem.BadRequest
	}
	return problem.Internal
}

// fail is Echo's error handler.
func (a *API) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p, known := problemOf(err)
	// If the client has closed the connection, the request has not failed: nothing is logged.
	if gone := c.Request().Context().Err() != nil && errors.Is(err, context.Canceled); !known && !gone {
		a.Log.Error("request failed", "method", c.Request().Method, "route", c.Path(), "err", err)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", strconv.Itoa(cmp.Or(p.RetrySeconds(), 2)))
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	c.Response().WriteHeader(p.Status)
	if c.Request().Method != http.MethodHead {
		_ = json.NewEncoder(c.Response()).Encode(problemDetails{Code: p.Code, Title: p.Title, Status: p.Status, Detail: p.Detail})
	}
}

func badRequest(detail string) error { return problem.BadRequest.New(detail) }

// address is the key under which requests from one client address are counted.
func (a *API) address(c echo.Context) string {
	return "address " + clientaddr.Of(c.Request(), a.Proxies)
}
