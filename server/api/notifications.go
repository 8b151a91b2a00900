package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"weft/notify"
	"weft/server/event"
)

func (a *API) listNotifications(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	page := notify.Page{UnreadOnly: c.QueryParam("unread") == "1" || c.QueryParam("unread") == "true", Before: c.QueryParam("before")}
	if text := c.QueryParam("limit"); text != "" {
		if page.Limit, err = strconv.Atoi(text); err != nil || page.Limit < 1 || page.Limit > 100 {
			return badRequest("limit is from 1 to 100")
		}
	}
	list, counts, err := a.Inbox.List(c.Request().Context(), id.User, page)
	if err != nil {
		return err
	}
	if list == nil {
		list = []notify.Notification{}
	}
	return c.JSON(http.StatusOK, struct {
		Notifications []notify.Notification `json:"notifications"`
		notify.Counts
	}{list, counts})
}

func (a *API) readNotification(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	if err := a.Inbox.MarkRead(c.Request().Context(), id.User, c.Param("id"), time.Now()); err != nil {
		return err
	}
	a.changed(c, id.User)
	return c.NoContent(http.StatusNoContent)
}

func (a *API) readAllNotifications(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	if err := a.Inbox.MarkAllRead(c.Request().Context(), id.User, time.Now()); err != nil {
		return err
	}
	a.changed(c, id.User)
	return c.NoContent(http.StatusNoContent)
}

// changed sends the new counts to all streams of the user.
func (a *API) changed(c echo.Context, user string) {
	if _, counts, err := a.Inbox.List(c.Request().Context(), user, notify.Page{Limit: 1}); err == nil {
		a.Live.Send(user, event.New(event.Counts{Counts: counts}))
	}
}
