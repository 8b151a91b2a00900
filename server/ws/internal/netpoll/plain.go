package netpoll

import (
	"net"
	"sync/atomic"
	"time"
)

// plainConn is the Conn of a connection that is not TCP. It is neither polled nor does
// it linger.
type plainConn struct {
	net.Conn
	handler Handler
	closed  atomic.Bool
}

func (c *plainConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func (c *plainConn) Drain()                    { _ = c.Close() }
func (c *plainConn) Abort()                    { _ = c.Close() }
func (c *plainConn) IsClosed() bool            { return c.closed.Load() }
func (*plainConn) BeginFrames()                {}
func (*plainConn) TryWrite([]byte) bool        { return false }
func (*plainConn) CheckReadDeadline(time.Time) {} // the net package does
func (c *plainConn) Handler() Handler          { return c.handler }
