package ws

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"

	"weft/server/auth"
	"weft/server/room"
	"weft/server/wire"
)

// dialect is what differs between the doors. Its methods run on the
// connection's reading goroutine.
type dialect interface {
	opened()
	received(frame []byte)
	closed()
	// slowCode is the close code for a connection too slow to follow.
	slowCode() wire.CloseCode
}

// conn is one WebSocket connection.
type conn struct {
	name     string // unique
	identity auth.Identity
	door     *Door
	dialect  dialect
	log      *slog.Logger
	out      queue
	limit    *limiters

	session atomic.Pointer[melody.Session]
	closing sync.Once
	expiry  *time.Timer // closes the connection when its token has run out
}

// start is called when the socket is open.
func (c *conn) start(s *melody.Session) {
	c.session.Store(s)
	c.out.write = s.WriteBinary
	c.out.slow = func() { go c.close(c.dialect.slowCode(), "too slow: come back to catch up") }
	c.out.limit = c.door.limits
	c.out.lastSent = time.Now()
	c.door.enter(c)
	c.expires(c.identity.Expires)
	c.dialect.opened()
}

// expires arms the end of a connection whose token runs out at t.
func (c *conn) expires(t time.Time) {
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !t.IsZero() {
		c.expiry = time.AfterFunc(time.Until(t)+30*time.Second, func() {
			c.close(wire.CloseAuth, "the token has run out")
		})
	}
}

// end is called once the socket has closed.
func (c *conn) end() {
	c.expires(time.Time{})
	c.out.close()
	c.dialect.closed()
	c.door.leave(c)
}

// send queues a frame of the connection's own that must arrive.
func (c *conn) send(frame []byte) { c.out.push(queued{class: room.Event, frame: frame}) }

// close sends a close frame and ends the connection, by force if the peer does
// not answer. It does not block, and only the first call counts.
func (c *conn) close(code wire.CloseCode, reason string) {
	c.closing.Do(func() {
		c.out.close()
		s := c.session.Load()
		if s == nil {
			return
		}
		message := websocket.FormatCloseMessage(int(code), cut(reason, 120))
		if s.CloseWithMsg(message) != nil {
			c.drop()
			return
		}
		time.AfterFunc(dropTimeout, c.drop)
	})
}

// drop ends the connection at once.
func (c *conn) drop() {
	if s := c.session.Load(); s != nil {
		s.WebsocketConnection().Close()
	}
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	for len(s) > n {
		end := n
		for end > 0 && s[end]&0xc0 == 0x80 {
			end--
		}
		s = s[:end]
	}
	return s
}
