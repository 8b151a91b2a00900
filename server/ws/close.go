package ws

import (
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// maxCloseReason is the size of a close reason, in bytes. RFC 6455, 5.5 allows 123.
const maxCloseReason = 120

// close sends a close frame and ends the connection, by force if the client does not
// answer within abortAfter. It does not block, and only the first call counts.
func (c *conn) close(code wire.CloseCode, reason string) {
	c.closeOnce.Do(func() {
		c.out.close()
		s := c.session.Load()
		if s == nil {
			return
		}
		message := websocket.FormatCloseMessage(int(code), truncate(reason, maxCloseReason))
		if s.CloseWithMsg(message) != nil {
			c.abort()
			return
		}
		time.AfterFunc(abortAfter, c.abort)
	})
}

// closeSilent ends a connection whose client has not answered a ping in time. Melody
// closes it as soon as closeSilent returns, so the close frame is written here.
func (c *conn) closeSilent() {
	first := false
	c.closeOnce.Do(func() { first = true })
	if first { // outside of Do: a room that closes the same peer would wait for the write
		message := websocket.FormatCloseMessage(int(c.dialect.slowCode()), "no sign of life")
		_ = c.session.Load().WebsocketConnection().WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	}
}

// closeExpired ends a connection whose token has expired auth.Leeway ago.
func (c *conn) closeExpired() { c.close(wire.CloseAuth, "token expired") }

// abort ends the connection at once. It does not block.
func (c *conn) abort() {
	if c.session.Load() != nil {
		c.transport.Abort()
	}
}

// probe pings the client, and ends the connection if it receives nothing within
// probeWait. The pings that every connection gets would notice later. It does not block.
func (c *conn) probe() {
	s := c.session.Load()
	if s == nil || !c.probing.CompareAndSwap(false, true) {
		return
	}
	asked := time.Now()
	time.AfterFunc(0, func() {
		_ = s.WebsocketConnection().WriteControl(websocket.PingMessage, nil, asked.Add(probeWait))
	})
	time.AfterFunc(probeWait, func() {
		c.probing.Store(false)
		if c.lastReceived.Load() < asked.UnixNano() {
			c.close(c.dialect.slowCode(), "no sign of life")
		}
	})
}

// truncate shortens s to at most n bytes of whole characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
