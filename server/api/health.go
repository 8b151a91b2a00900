package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"weft/server/problem"
)

// livez says that the process answers; it depends on nothing.
func (a *API) livez(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says that the store can be written, and which parts go on alone: that is
// no reason to send people elsewhere.
func (a *API) readyz(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	if err := a.Store.Ping(ctx); err != nil {
		a.Log.Error("not ready", "err", err)
		return problem.NotReady.New("the store cannot be written")
	}
	degraded := []string{}
	if a.Degraded != nil {
		degraded = append(degraded, a.Degraded()...)
	}
	return c.JSON(http.StatusOK, map[string]any{"status": "ready", "degraded": degraded})
}

// metrics are numbers about the server, none about a person or a room.
func (a *API) metrics(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	a.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}
