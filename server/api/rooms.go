package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"weft/server/auth"
	"weft/server/event"
	"weft/server/problem"
)

// yWebsocket opens a socket of the y-websocket dialect in the room that the rest of
// the path names.
func (a *API) yWebsocket(c echo.Context) error {
	r := c.Request()
	roomID, err := restOf(r, "/ws/")
	if err != nil {
		return err
	}
	id, err := a.identify(c)
	if err != nil {
		return err
	}
	if id.Role(string(roomID)) < auth.Read {
		return errForbidden
	}
	if err := needUpgrade(r); err != nil {
		return err
	}
	anonymous := auth.RequestToken(r) == ""
	return a.Sockets.ServeRoom(c.Response(), r, RoomUser{Identity: id, Anonymous: anonymous, Room: roomID})
}

// hocuspocus opens a socket of the Hocuspocus dialect, for many documents. Usually
// the client sends a token for each document later. A token in the request is
// verified here.
func (a *API) hocuspocus(c echo.Context) error {
	r := c.Request()
	token := auth.RequestToken(r)
	if token != "" {
		if _, err := a.Auth.Identify(token); err != nil {
			return err
		}
	}
	if err := needUpgrade(r); err != nil {
		return err
	}
	return a.Sockets.ServeHocuspocus(c.Response(), r, token)
}

// native opens a socket of the native dialect, for many rooms. A token that came
// with the request is checked here.
func (a *API) native(c echo.Context) error {
	r := c.Request()
	token := auth.RequestToken(r)
	if token != "" {
		if _, err := a.Auth.Identify(token); err != nil {
			return err
		}
	}
	if err := needUpgrade(r); err != nil {
		return err
	}
	return a.Sockets.ServeNative(c.Response(), r, token)
}

func needUpgrade(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return problem.UpgradeNeeded.New("this address accepts WebSockets only")
	}
	return nil
}

// people lists everybody who is in the room.
func (a *API) people(c echo.Context) error {
	_, roomID, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	people, err := a.People.People(c.Request().Context(), string(roomID))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"people": people, "count": len(people)})
}

// presence answers with the status of some people over all rooms.
func (a *API) presence(c echo.Context) error {
	if _, err := a.identify(c); err != nil {
		return err
	}
	ids, err := watched(c.QueryParam("ids"))
	if err != nil {
		return err
	}
	seen, err := a.People.Status(c.Request().Context(), ids)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, seen)
}

// watched splits the query parameter that lists ids of people, by commas.
func watched(list string) (ids []string, err error) {
	for id := range strings.SplitSeq(list, ",") {
		if id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) > event.MaxWatched {
		return nil, badRequest(fmt.Sprintf("at most %d ids at a time", event.MaxWatched))
	}
	return ids, nil
}

// readDoc answers with the room's document: as the text of one root type, as JSON
// of all root types, or as one Yjs update.
func (a *API) readDoc(c echo.Context) error {
	_, roomID, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 10*time.Second)
	defer cancel()
	live, release, err := a.Hub.Open(ctx, roomID)
	if err != nil {
		return err
	}
	defer release()
	switch format := c.QueryParam("format"); format {
	case "", "json":
		body, err := live.JSON(ctx)
		if err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, body)
	case "text":
		text, err := live.Text(ctx, c.QueryParam("root"))
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, text)
	case "yjs":
		update, err := live.State(ctx)
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/octet-stream", update)
	default:
		return badRequest(fmt.Sprintf("format %.20q: want json, text or yjs", format))
	}
}
