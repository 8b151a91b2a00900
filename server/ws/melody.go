package ws

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"

	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// newMelody returns a Melody that reads messages of at most readLimit bytes and gives
// them to their conns.
func (d *Door) newMelody(readLimit int64) *melody.Melody {
	m := melody.New()
	m.Config.MaxMessageSize = readLimit
	m.Config.MessageBufferSize = 4 // one frame at a time, and a close; see sendQueue
	m.Config.WriteWait, m.Config.PongWait, m.Config.PingPeriod = writeWait, d.pongWait, pingPeriod
	m.Upgrader.CheckOrigin = func(*http.Request) bool { return true } // the caller has checked it
	m.Upgrader.EnableCompression = false                              // gorilla's read limit counts compressed bytes
	m.Upgrader.ReadBufferSize = 128                                   // bytes; most messages bypass gorilla
	m.Upgrader.WriteBufferPool = &sync.Pool{}
	m.Upgrader.Subprotocols = []string{wire.Subprotocol}
	m.HandleConnect(func(s *melody.Session) { withConn(s, func(c *conn) { c.start(s) }) })
	m.HandleMessageBinary(func(s *melody.Session, frame []byte) { withConn(s, func(c *conn) { c.receive(frame) }) })
	m.HandlePong(func(s *melody.Session) {
		withConn(s, func(c *conn) { c.lastReceived.Store(time.Now().UnixNano()) })
	})
	m.HandleMessage(func(s *melody.Session, _ []byte) {
		withConn(s, func(c *conn) { c.close(wire.CloseBadFrame, "text message: send binary messages only") })
	})
	m.HandleSentMessageBinary(func(s *melody.Session, _ []byte) { withConn(s, func(c *conn) { c.out.sent() }) })
	m.HandleError(func(s *melody.Session, err error) {
		var timeout net.Error // gorilla hides the error's own type
		if errors.As(err, &timeout) && timeout.Timeout() {
			withConn(s, (*conn).closeSilent)
		} else if errors.Is(err, websocket.ErrReadLimit) {
			withConn(s, (*conn).countOversized)
		}
	})
	return m
}

// withConn runs f for a session's conn, which is the handler of its transport: the map
// of a session's keys would take more memory. A panic closes the connection.
func withConn(s *melody.Session, f func(*conn)) {
	c := s.WebsocketConnection().NetConn().(netpoll.Conn).Handler().(*conn)
	c.guard(func() { f(c) })
}
