package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"weft/server/auth"
	"weft/server/chat"
	"weft/server/store"
)

// param returns a segment of the path by its name, percent-decoded once.
func param(c echo.Context, name string) (string, error) {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" { // Echo has decoded it
		return value, nil
	}
	value, err := url.PathUnescape(value)
	if err != nil {
		return "", badRequest(name + " is not percent-encoded")
	}
	return value, nil
}

// numbers reads whole numbers from the query. A missing one keeps its value.
func numbers(c echo.Context, into map[string]*int64) error {
	for name, to := range into {
		if text := c.QueryParam(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return badRequest(name + " must be a whole number")
			}
			*to = n
		}
	}
	return nil
}

// listMessages answers with a page of messages. With changed=REV the page has the
// messages that are new or have changed since that rev; if the rev is of another
// epoch or higher than the room's, it is the newest page, and recovered is false.
// The rev in the answer is the room's rev from before the page was read.
func (a *API) listMessages(c echo.Context) error {
	id, roomID, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	var before, after, limit, changed int64
	if err := numbers(c, map[string]*int64{"before": &before, "after": &after, "limit": &limit, "changed": &changed}); err != nil {
		return err
	}
	if after == 0 && c.QueryParam("after") != "" {
		after = -1 // "after 0" asks for the first ones
	}
	if limit > 200 {
		return badRequest("limit is at most 200")
	}
	ctx := c.Request().Context()
	at, err := a.Chat.Position(ctx, id, roomID)
	if err != nil {
		return err
	}
	answer := messagesPage{Rev: at.Rev, Epoch: at.Epoch}
	if c.QueryParam("changed") != "" {
		if before != 0 || after != 0 || c.QueryParam("thread") != "" {
			return badRequest("changed can be combined with limit and epoch only")
		}
		known := c.QueryParam("epoch") == "" || c.QueryParam("epoch") == at.Epoch
		recovered := known && store.Rev(changed) <= at.Rev
		answer.Recovered = &recovered
	}
	if answer.Recovered != nil && *answer.Recovered {
		answer.Messages, err = a.Chat.Changes(ctx, id, roomID, store.Rev(changed), int(limit))
	} else {
		answer.Messages, err = a.Chat.History(ctx, id, roomID, store.MessagePage{
			Before: store.Seq(before), After: store.Seq(after), Limit: int(limit), Thread: c.QueryParam("thread"),
		})
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

// messagesPage is a page of messages with the room's position.
type messagesPage struct {
	Messages  []store.Message `json:"messages"`
	Rev       store.Rev       `json:"rev"`
	Epoch     string          `json:"epoch"`
	Recovered *bool           `json:"recovered,omitempty"` // only with changed
}

func (a *API) postMessage(c echo.Context) error {
	id, roomID, err := a.enter(c, auth.Comment)
	if err != nil {
		return err
	}
	var p chat.Post
	if err := bind(c, &p); err != nil {
		return err
	}
	p.CountedAs = a.anonymousKey(c)
	m, err := a.Chat.Post(c.Request().Context(), id, roomID, p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, m)
}

// anonymousKey returns the key by which requests without a token are counted:
// their sender is a new user with every request. It is empty with a token.
func (a *API) anonymousKey(c echo.Context) string {
	if auth.RequestToken(c.Request()) != "" {
		return ""
	}
	return a.address(c)
}

// ofMessage is enter for the routes of one message. id is the message's.
func (a *API) ofMessage(c echo.Context, role auth.Role) (who auth.Identity, room store.RoomID, id string, err error) {
	if who, room, err = a.enter(c, role); err != nil {
		return who, room, "", err
	}
	id, err = param(c, "id")
	return who, room, id, err
}

func (a *API) readMessage(c echo.Context) error {
	who, room, id, err := a.ofMessage(c, auth.Read)
	if err != nil {
		return err
	}
	m, err := a.Chat.Message(c.Request().Context(), who, room, id)
	return answer(c, m, err)
}

// answer answers with a message, and with its version as ETag.
func answer(c echo.Context, m store.Message, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", strconv.Quote(strconv.FormatInt(m.Version, 10)))
	return c.JSON(http.StatusOK, m)
}

// editMessage replaces the text of a message. With If-Match it does so only if the
// message still has that version.
func (a *API) editMessage(c echo.Context) error {
	who, room, id, err := a.ofMessage(c, auth.Comment)
	if err != nil {
		return err
	}
	var e struct {
		Text    string `json:"text"`
		Version int64  `json:"version"`
	}
	if err := bind(c, &e); err != nil {
		return err
	}
	if match := c.Request().Header.Get("If-Match"); match != "" && match != "*" {
		tag, quoted := strings.CutPrefix(match, `"`)
		tag, closed := strings.CutSuffix(tag, `"`)
		if e.Version, err = strconv.ParseInt(tag, 10, 64); err != nil || e.Version < 1 || !quoted || !closed {
			return badRequest(`If-Match must be the version of the message in quotes, as in its ETag`)
		}
	}
	m, err := a.Chat.Edit(c.Request().Context(), who, room, id, chat.Edit{Text: e.Text, Version: e.Version})
	return answer(c, m, err)
}

func (a *API) deleteMessage(c echo.Context) error {
	who, room, id, err := a.ofMessage(c, auth.Comment)
	if err != nil {
		return err
	}
	m, err := a.Chat.Delete(c.Request().Context(), who, room, id)
	return answer(c, m, err)
}

func (a *API) putReaction(c echo.Context) error    { return a.react(c, true) }
func (a *API) deleteReaction(c echo.Context) error { return a.react(c, false) }

func (a *API) react(c echo.Context, on bool) error {
	who, room, id, err := a.ofMessage(c, auth.Comment)
	if err != nil {
		return err
	}
	emoji, err := param(c, "emoji")
	if err != nil {
		return err
	}
	m, err := a.Chat.React(c.Request().Context(), who, room, id, chat.Reaction{Emoji: emoji, On: on, CountedAs: a.anonymousKey(c)})
	return answer(c, m, err)
}

// enterAsPerson is enter for what is kept for a person; see person.
func (a *API) enterAsPerson(c echo.Context) (auth.Identity, store.RoomID, error) {
	if _, err := a.person(c); err != nil {
		return auth.Identity{}, "", err
	}
	return a.enter(c, auth.Read)
}

func (a *API) markRead(c echo.Context) error {
	id, roomID, err := a.enterAsPerson(c)
	if err != nil {
		return err
	}
	var mark struct {
		Seq *int64 `json:"seq"`
	}
	if err := bind(c, &mark); err != nil {
		return err
	}
	if mark.Seq == nil || *mark.Seq < 0 {
		return badRequest("seq must be the seq of the last message that was read")
	}
	unread, err := a.Chat.MarkRead(c.Request().Context(), id, roomID, store.Seq(*mark.Seq))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, unread)
}

func (a *API) unread(c echo.Context) error {
	id, roomID, err := a.enterAsPerson(c)
	if err != nil {
		return err
	}
	unread, err := a.Chat.Unread(c.Request().Context(), id, roomID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, unread)
}

// myRooms lists the rooms that the person has been in, with the unread counts.
func (a *API) myRooms(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	var limit int64
	if err := numbers(c, map[string]*int64{"limit": &limit}); err != nil {
		return err
	}
	if limit > 100 {
		return badRequest("limit is at most 100")
	}
	rooms, next, err := a.Chat.Rooms(c.Request().Context(), id, store.RoomPage{
		Prefix: c.QueryParam("prefix"), After: store.RoomID(c.QueryParam("after")), Limit: int(limit),
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"rooms": rooms, "next": next})
}

// search finds messages by words, the newest first.
func (a *API) search(c echo.Context) error {
	id, roomID, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	var before, limit int64
	if err := numbers(c, map[string]*int64{"before": &before, "limit": &limit}); err != nil {
		return err
	}
	if limit > 100 {
		return badRequest("limit is at most 100")
	}
	found, err := a.Chat.Search(c.Request().Context(), id, roomID, chat.SearchQuery{Text: c.QueryParam("q"), Before: store.Seq(before), Limit: int(limit)})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"results": found})
}

// lines lists the room's system messages.
func (a *API) lines(c echo.Context) error {
	id, roomID, err := a.enter(c, auth.Read)
	if err != nil {
		return err
	}
	lines, err := a.Chat.SystemMessages(c.Request().Context(), id, roomID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"lines": lines})
}
