package netpoll

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// LingerTime is how long a client may take to end its side of a connection after the
// server has: longer than a round trip, and short against what a stopping server may
// take.
const LingerTime = 2 * time.Second

// lingerConn is the Conn of a TCP connection that the net package reads and writes.
type lingerConn struct {
	*net.TCPConn
	handler Handler
	closed  atomic.Bool

	mu      sync.Mutex
	aborted bool
	timer   *time.Timer // aborts; nil before Close
}

// Close implements Conn.
func (c *lingerConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if err := c.CloseWrite(); err != nil {
		c.Abort()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.aborted {
		c.timer = time.AfterFunc(LingerTime, c.Abort)
	}
	return nil
}

// Read reads, and after Close discards what it reads until the stream ends.
func (c *lingerConn) Read(b []byte) (int, error) {
	for {
		n, err := c.TCPConn.Read(b)
		if err != nil || !c.closed.Load() {
			return n, err
		}
	}
}

// Drain implements Conn.
func (c *lingerConn) Drain() {
	_ = c.Close()
	_, _ = c.Read(make([]byte, 4<<10))
	c.Abort()
}

// Abort implements Conn.
func (c *lingerConn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted {
		return
	}
	c.aborted = true
	c.closed.Store(true)
	_ = c.TCPConn.Close()
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (c *lingerConn) IsClosed() bool            { return c.closed.Load() }
func (*lingerConn) BeginFrames()                {}
func (*lingerConn) TryWrite([]byte) bool        { return false }
func (*lingerConn) CheckReadDeadline(time.Time) {} // the net package does
func (c *lingerConn) Handler() Handler          { return c.handler }
