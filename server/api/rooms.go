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

// yWebsocket leads to the room named by the rest of the path.
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

// hocuspocus leads to the socket of many documents that Hocuspocus providers
// open. Tokens mostly come later, with each document; one that came with the
// request is checked here already.
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

// native leads to the socket of many rooms. A token that came with the request
// is checked here already.
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
		return problem.UpgradeNeeded.New("this address speaks WebSocket")
	}
	return nil
}

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

// watched is a list of ids in a query parameter.
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

// readDoc exports the document: as text of one root, as JSON, or as a Yjs
// update.
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
		return badRequest(fmt.Sprintf("format %.20q: it is json, text or yjs", format))
	}
}
