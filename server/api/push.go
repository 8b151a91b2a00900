package api

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"weft/notify"
	"weft/server/problem"
)

// pushKey answers with the applicationServerKey for PushManager.subscribe.
func (a *API) pushKey(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"key": a.Push.PublicKey()})
}

// subscription is a browser's PushSubscription as its toJSON returns it.
type subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
	// Replaces is the endpoint that this one replaces; empty if none.
	Replaces string `json:"replaces"`
}

func (a *API) subscribe(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	var in subscription
	if err := bind(c, &in); err != nil {
		return err
	}
	p256dh, err1 := base64url(in.Keys.P256dh)
	secret, err2 := base64url(in.Keys.Auth)
	if err1 != nil || err2 != nil {
		return badRequest("keys.p256dh and keys.auth must be base64url")
	}
	if err := a.Push.ValidateSubscription(in.Endpoint, p256dh, secret); err != nil {
		return problem.BadSubscription.New(err.Error())
	}
	ctx := c.Request().Context()
	err = a.Inbox.Subscribe(ctx, notify.Subscription{
		ID: notify.SubscriptionID(in.Endpoint), User: id.User, Endpoint: in.Endpoint,
		P256dh: p256dh, Auth: secret, CreatedAt: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	if in.Replaces != "" && in.Replaces != in.Endpoint {
		if err := a.Inbox.Unsubscribe(ctx, id.User, in.Replaces); err != nil {
			return err
		}
	}
	return c.NoContent(http.StatusCreated)
}

func (a *API) unsubscribe(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	var in subscription
	if err := bind(c, &in); err != nil {
		return err
	}
	if err := a.Inbox.Unsubscribe(c.Request().Context(), id.User, in.Endpoint); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// testPush sends the user a test notification, so that they can see whether it
// arrives.
func (a *API) testPush(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	n := notify.Notification{
		ID: notify.NotificationID("test/"+rand.Text(), id.User), User: id.User, Kind: "test",
		Title: "This is how a mention will look", Body: "Notifications reach this device.", URL: "/",
		Actor: notify.Actor{Name: "Weft"}, CreatedAt: now,
	}
	if err := a.Worker.Notify(c.Request().Context(), n); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// base64url decodes base64url with or without padding.
func base64url(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
