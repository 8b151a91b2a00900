package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"weft/server/problem"
)

// livez says that the process answers requests. It checks nothing else.
func (a *API) livez(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether the store can be written. It also names the parts that are
// degraded; a load balancer need not avoid the node for that.
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

// metrics answers with metrics for Prometheus. None is about one person or room.
func (a *API) metrics(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	a.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}
