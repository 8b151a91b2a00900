package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"weft/server/auth"
	"weft/server/internal/ratelimit"
	"weft/server/problem"
)

// newGuest makes a guest: a user id with a token, so that the client is the same
// user when it connects again. A request with a guest's token renames that guest.
func (a *API) newGuest(c echo.Context) error {
	var ask struct {
		Name string `json:"name"`
	}
	if err := bind(c, &ask); err != nil {
		return err
	}
	claim := ratelimit.Claim[string]{Key: a.address(c), Limit: a.Limits.Guests, Burst: a.Limits.GuestsAt}
	if wait, _ := a.newGuests.Take(claim); wait > 0 {
		a.Hit("guests")
		s := ratelimit.Seconds(wait)
		p := problem.TooManyGuests.New(fmt.Sprintf("too many new guests from this address: wait %d s", s))
		p.Retry = time.Duration(s) * time.Second
		return p
	}
	id, token, err := a.Auth.Guest(ask.Name, auth.RequestToken(c.Request()))
	if errors.Is(err, auth.ErrToken) || errors.Is(err, auth.ErrExpired) || errors.Is(err, auth.ErrKeys) {
		return err
	}
	if err != nil {
		return problem.NoGuests.New("this server needs tokens made by the application")
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, map[string]any{
		"user": map[string]string{"id": id.User, "name": id.Name}, "token": token,
	})
}

// bind reads a JSON body into v. It requires the media type application/json: an
// HTML form of another origin cannot send that without a CORS preflight.
func bind(c echo.Context, v any) error {
	media, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return problem.BadMediaType.New("send application/json")
	}
	dec := json.NewDecoder(c.Request().Body)
	if err := dec.Decode(v); err != nil {
		var he *echo.HTTPError
		if errors.As(err, &he) {
			return he // the body is too large
		}
		return badRequest("the body is not the JSON object that this route expects")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the body continues after the JSON object")
	}
	return nil
}
