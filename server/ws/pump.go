package ws

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"

	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// pumps makes a Melody that reads messages of at most max bytes.
func (d *Door) pumps(max int64) *melody.Melody {
	m := melody.New()
	m.Config.MaxMessageSize = max
	m.Config.MessageBufferSize = 4 // one frame at a time, and a close
	m.Config.WriteWait, m.Config.PongWait, m.Config.PingPeriod = writeWait, d.pongWait, pingPeriod
	m.Upgrader.CheckOrigin = func(*http.Request) bool { return true } // checked before, against our list
	m.Upgrader.EnableCompression = false                              // gorilla's read limit counts compressed bytes
	m.Upgrader.ReadBufferSize = 128                                   // most is read past it, see socket
	m.Upgrader.WriteBufferPool = &sync.Pool{}
	m.Upgrader.Subprotocols = []string{wire.Subprotocol}
	m.HandleConnect(func(s *melody.Session) { guard(s, func(c *conn) { c.start(s) }) })
	m.HandleMessageBinary(func(s *melody.Session, frame []byte) { guard(s, func(c *conn) { c.receive(frame) }) })
	m.HandlePong(func(s *melody.Session) { guard(s, func(c *conn) { c.heard.Store(time.Now().UnixNano()) }) })
	m.HandleMessage(func(s *melody.Session, _ []byte) {
		guard(s, func(c *conn) { c.close(wire.CloseBadFrame, "text frames are not understood: send binary") })
	})
	m.HandleSentMessageBinary(func(s *melody.Session, _ []byte) { guard(s, func(c *conn) { c.out.sent() }) })
	m.HandleError(func(s *melody.Session, err error) {
		var timeout net.Error // gorilla keeps nothing else of it
		if errors.As(err, &timeout) && timeout.Timeout() {
			guard(s, (*conn).silent)
		} else if errors.Is(err, websocket.ErrReadLimit) {
			guard(s, (*conn).overflowed)
		}
	})
	return m
}

// guard runs f for a session's conn. The socket knows it: a session's keys are a map,
// and too large for that.
func guard(s *melody.Session, f func(*conn)) {
	c := s.WebsocketConnection().NetConn().(netpoll.Conn).Handler().(*conn)
	c.guard(func() { f(c) })
}

// serve upgrades, on a goroutine that has the connection from then on and calls
// leave when it has ended. It returns once the request has been answered: so what
// net/http keeps for a request, some 15 KiB of buffers and stack, does not stay for
// the connection's life.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, c *conn, leave func()) {
	upgraded := make(chan struct{})
	c.upgraded = upgraded
	go d.pump(w, r, c, leave)
	<-upgraded
}

func (d *Door) pump(w http.ResponseWriter, r *http.Request, c *conn, leave func()) {
	defer leave()
	defer func() {
		if p := recover(); p != nil {
			c.log().Error("panic at the door; closing one connection", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.drop()
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
		// The upgrader has answered already.
		c.log().Debug("no upgrade", "err", err)
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
