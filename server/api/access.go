package api

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"weft/server/auth"
)

// AccessPrefix begins the keys of the settings that hold the ceilings of users.
const AccessPrefix = "access/"

// maxCeiling is how many grants one ceiling may have.
const maxCeiling = 1000

// accessOf returns the user in the path, if the request may change that user's
// access: it comes from a backend or from an administrator of all rooms.
func (a *API) accessOf(c echo.Context) (user string, err error) {
	id, err := a.identify(c)
	if err != nil {
		return "", err
	}
	if id.Everywhere() < auth.Admin {
		return "", errForbidden
	}
	if user = c.Param("user"); c.Request().URL.RawPath != "" {
		if user, err = url.PathUnescape(user); err != nil {
			return "", badRequest("the user id is not percent-encoded")
		}
	}
	if !auth.ValidUser(user) {
		return "", badRequest("a user id has 1 to 128 bytes without spaces or control characters")
	}
	return user, nil
}

// access is the body of the routes of a user's access.
type access struct {
	Rooms []auth.Grant `json:"rooms"`
}

func (a *API) getAccess(c echo.Context) error {
	user, err := a.accessOf(c)
	if err != nil {
		return err
	}
	ceiling := a.Access.Get(user)
	if ceiling == nil {
		ceiling = []auth.Grant{}
	}
	return c.JSON(http.StatusOK, access{ceiling})
}

// putAccess sets a user's ceiling: what the user may do at most from now on, on
// open connections too. The ceiling is durable before the request is answered.
func (a *API) putAccess(c echo.Context) error {
	user, err := a.accessOf(c)
	if err != nil {
		return err
	}
	var in access
	if err := bind(c, &in); err != nil {
		return err
	}
	if len(in.Rooms) == 0 || len(in.Rooms) > maxCeiling {
		return badRequest("rooms has 1 to 1,000 pairs of a room pattern and a role; DELETE lifts all limits")
	}
	if err := a.setAccess(c, user, in.Rooms); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, in)
}

func (a *API) deleteAccess(c echo.Context) error {
	user, err := a.accessOf(c)
	if err != nil {
		return err
	}
	if err := a.setAccess(c, user, nil); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (a *API) setAccess(c echo.Context, user string, ceiling []auth.Grant) error {
	var value []byte
	if ceiling != nil {
		var err error
		if value, err = json.Marshal(ceiling); err != nil {
			return err
		}
	}
	// One change at a time, so that memory and disk agree on the latest.
	a.accessChange.Lock()
	defer a.accessChange.Unlock()
	if err := a.Store.PutSetting(c.Request().Context(), AccessPrefix+user, value); err != nil {
		return err
	}
	a.Access.Set(user, ceiling)
	a.Sockets.Renew(user)
	return nil
}
