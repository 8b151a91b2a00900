package ws

import (
	"bufio"
	"context"
	"crypto/rand"
	"net"
	"net/http"

	"weft/server/auth"
	"weft/server/store"
)

// RoomOptions name the room and the identity of a y-websocket connection.
type RoomOptions struct {
	Room     store.RoomID
	Identity auth.Identity
	// Anonymous: the request carried no token. The person is shown to others, and not
	// remembered as a member.
	Anonymous bool
}

// ServeRoom serves the y-websocket dialect in one room. If it returns an error, nothing
// has been written to w: an error of the room's hub, ErrTooMany or ErrStopping.
// Otherwise it returns when the handshake has been answered, and the connection lives on.
func (d *Door) ServeRoom(w http.ResponseWriter, r *http.Request, o RoomOptions) error {
	c, leave, err := d.newConn(r, authenticated)
	if err != nil {
		return err
	}
	c.credentials.login = login{o.Identity, o.Anonymous}
	if user := c.credentials.countedUser(); user != "" {
		if err := c.admitted.markAuthenticated(user); err != nil {
			leave()
			return err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), loadWait)
	defer cancel()
	live, release, err := d.hub.Open(ctx, o.Room)
	if err != nil {
		leave()
		return err
	}
	c.dialect = &yWebsocket{conn: c, peer: peer{conn: c, connID: c.id, room: live}}
	d.serve(w, r, c, func() { release(); leave() })
	return nil
}

// ServeHocuspocus serves the Hocuspocus dialect: many documents, each entered with a
// token of its own. token is what the request carried; it counts for documents that are
// entered with none. Errors are as in ServeRoom.
func (d *Door) ServeHocuspocus(w http.ResponseWriter, r *http.Request, token string) error {
	c, leave, err := d.newConn(r, unauthenticated)
	if err != nil {
		return err
	}
	c.dialect = &hocuspocus{conn: c, token: token, documents: map[string]*document{}, denied: map[string][]byte{}}
	d.serve(w, r, c, leave)
	return nil
}

// ServeNative serves the native dialect. token is the token of the request. If it is
// empty, the client's event hello must contain one. Errors are as in ServeRoom.
func (d *Door) ServeNative(w http.ResponseWriter, r *http.Request, token string) error {
	c, leave, err := d.newConn(r, unauthenticated)
	if err != nil {
		return err
	}
	c.dialect = &native{conn: c, token: token, channels: map[uint64]*channel{}}
	d.serve(w, r, c, leave)
	return nil
}

// newConn counts a connection, before anything is loaded for it, and returns it without
// a dialect. leave must be called when it has ended.
func (d *Door) newConn(r *http.Request, state authState) (c *conn, leave func(), err error) {
	in, err := d.admission.admit(r, state)
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		in.release()
		return nil, nil, ErrStopping
	}
	d.served.Add(1)
	c = &conn{id: rand.Text(), admitted: in, door: d, melody: d.melody}
	if state == unauthenticated {
		c.melody = d.melodyBeforeAuth
	}
	c.limiters.init(d.limits)
	return c, func() { in.release(); d.served.Done() }, nil
}

// serve upgrades the request on a goroutine that has the connection from then on, and
// calls leave when it has ended. serve returns once the handshake has been answered: so
// the buffers and the stack that net/http keeps for a request, some 15 KiB, do not stay
// for the connection's life.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, c *conn, leave func()) {
	upgraded := make(chan struct{})
	c.upgraded = upgraded
	go c.run(w, r, leave)
	<-upgraded
}

// run upgrades the connection and reads it until it ends.
func (c *conn) run(w http.ResponseWriter, r *http.Request, leave func()) {
	defer leave()
	defer func() {
		if p := recover(); p != nil {
			c.logPanic(p)
			c.abort()
		}
		if c.session.Load() != nil {
			c.end()
		} else {
			close(c.upgraded)
		}
		if c.transport != nil {
			c.transport.Drain()
		}
	}()
	err := c.melody.HandleRequest(hijacker{w, c}, r)
	if err != nil && c.session.Load() == nil {
		// The upgrader has answered the request.
		c.log().Debug("ws: upgrade", "err", err)
	}
}

// hijacker gives the upgrader the connection's transport instead of its socket.
type hijacker struct {
	http.ResponseWriter
	conn *conn
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn.transport = h.conn.door.transport.Wrap(c, h.conn)
	return h.conn.transport, rw, nil
}
