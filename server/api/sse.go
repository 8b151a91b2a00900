package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"weft/notify"
	"weft/presence"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/problem"
)

const (
	sseHeartbeat = 15 * time.Second // a comment is sent this often, so that clients notice a broken stream
	sseWrite     = 10 * time.Second // a stream whose client takes longer to accept an event is ended
)

// myEvents streams the events of one person: notifications, counts, read marks,
// and the status of the people that the parameter "watch" lists. The first event
// is "connected". If its recovered is true, the notifications since Last-Event-ID
// follow. If it is false, the client reads the inbox.
func (a *API) myEvents(c echo.Context) error {
	id, err := a.person(c)
	if err != nil {
		return err
	}
	watch, err := watched(c.QueryParam("watch"))
	if err != nil {
		return err
	}
	// The stream is opened before the missed events are read, so that none is lost
	// in between.
	me := topic{user: id.User}
	events, ok := a.Live.open(me, id.User)
	if !ok {
		return errStreams
	}
	defer a.Live.end(me, events)
	missed, counts, recovered, err := a.missed(c.Request().Context(), id.User, c.Request().Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	s := startStream(c)
	s.send(event.New(event.Connected{User: id.User, Recovered: recovered, Counts: counts}))
	for _, n := range missed {
		s.send(event.New(event.Notification{Notification: n}))
	}
	if len(watch) > 0 {
		following := a.People.WatchStatus(func(news map[string]presence.UserStatus) {
			a.Live.push(me, events, event.New(event.Status{Users: news}))
		})
		defer following.Stop()
		following.Add(watch...)
	}
	s.forward(id, events, func(e *event.Encoded) bool {
		s.send(e)
		return true
	})
	return nil
}

var errStreams error = problem.TooManyStreams.New("close another tab, or try again later")

// missed returns the notifications after the one whose id is last, oldest first.
// recovered is false if that one is not among the newest 100.
func (a *API) missed(ctx context.Context, user, last string) (missed []notify.Notification, counts notify.Counts, recovered bool, err error) {
	list, counts, err := a.Inbox.List(ctx, user, notify.Page{Limit: 100})
	if err != nil || last == "" {
		return nil, counts, last == "", err
	}
	for i, n := range list {
		if n.ID == last {
			for j := i - 1; j >= 0; j-- {
				missed = append(missed, list[j])
			}
			return missed, counts, true, nil
		}
	}
	return nil, counts, false, nil
}

// stream writes server-sent events. After the first error it writes nothing more.
type stream struct {
	c       echo.Context
	control *http.ResponseController
	err     error
}

// startStream answers with the headers of a stream.
func startStream(c echo.Context) *stream {
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &stream{c: c, control: http.NewResponseController(c.Response())}
}

// forward passes events to send until one of these happens: the client has gone, the
// stream is closed, the token has expired, or send returns false. A client that
// reconnects with an expired token is answered with 401.
func (s *stream) forward(who auth.Identity, events <-chan *event.Encoded, send func(*event.Encoded) bool) {
	beat := time.NewTicker(sseHeartbeat)
	defer beat.Stop()
	var expired <-chan time.Time
	if !who.Expires.IsZero() {
		end := time.NewTimer(time.Until(who.Expires) + auth.Leeway)
		defer end.Stop()
		expired = end.C
	}
	for s.err == nil {
		select {
		case e, open := <-events:
			if !open || !send(e) {
				return
			}
		case <-beat.C:
			s.write([]byte(": still here\n\n"))
		case <-expired:
			return
		case <-s.c.Request().Context().Done():
			return
		}
	}
}

// send writes an event. A notification's id is the event's too, so that a
// client which reconnects says the last one it has.
func (s *stream) send(e *event.Encoded) {
	id := ""
	if n, ok := e.Event().(event.Notification); ok {
		id = n.ID
	}
	s.writeEvent(id, e.SSE())
}

// writeEvent writes an event. With an empty id the client keeps its last id.
func (s *stream) writeEvent(id string, text []byte) {
	if id != "" {
		text = append([]byte("id: "+id+"\n"), text...)
	}
	s.write(text)
}

func (s *stream) write(b []byte) {
	if s.err != nil {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(sseWrite))
	if _, s.err = s.c.Response().Write(b); s.err == nil {
		s.err = s.control.Flush()
	}
}
