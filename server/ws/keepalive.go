package ws

import "time"

// keepAlive runs until the door stops. It looks at every connection every few seconds:
//
//   - Clients of y-websocket and Hocuspocus hang up after 30 s without a message, and do
//     not see WebSocket pings. They are sent a message without effect if nothing else was
//     sent for keepAliveAfter.
//   - Connections whose read deadline has passed are ended, and those that are stalled.
func (d *Door) keepAlive() {
	defer d.served.Done()
	ticker := time.NewTicker(min(keepAliveAfter/2, d.pongWait/4))
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case now := <-ticker.C:
			d.transport.CheckStalled()
			for _, c := range d.allConns() {
				c.transport.CheckReadDeadline(now)
				if c.isStalled() {
					c.closeStalled()
				} else if c.out.isIdle() {
					c.dialect.keepAlive()
				}
			}
		}
	}
}

// isStalled reports whether nothing has been read of the connection for longer than a
// client may be silent. The socket's read deadline ends a connection that is being read;
// this is for one whose last message still waits for something, most likely the disk.
func (c *conn) isStalled() bool {
	silence := time.Since(time.Unix(0, c.lastReceived.Load()))
	return silence > c.door.pongWait+keepAliveAfter/2 && !c.presences.isClosed()
}

// closeStalled ends a stalled connection. Without reading the server cannot know whether
// the client is still there, and a client that is will reconnect. So the connection's
// person is no longer present by it, though its work may go on until the disk answers.
// It does not block.
func (c *conn) closeStalled() {
	c.log().Warn("closing a connection that the server could not read for too long")
	for _, p := range c.presences.close() {
		c.door.leavePresence(c, p.connID, p.room)
	}
	c.close(c.dialect.slowCode(), "server busy: reconnect")
}
