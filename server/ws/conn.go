package ws

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"

	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// dialect is what differs between the doors. All but slowCode are called under
// conn.work, on the connection's reading goroutine or the poller's.
type dialect interface {
	opened()
	received(frame []byte)
	// tryInline handles a frame as received does, if that takes no waiting.
	// Otherwise it changes nothing and returns false.
	tryInline(frame []byte, now time.Time) bool
	closed()
	// renew holds what is open against what the person of that id may do now.
	renew(user string)
	// beat sends something that means nothing, if the client needs it. It is
	// not called under conn.work.
	beat()
	// slowCode is the close code for a connection too slow to follow.
	slowCode() wire.CloseCode
}

// conn is one WebSocket connection.
type conn struct {
	out     outbox // first, as telling a thousand of them is mostly waiting for memory
	name    string // unique
	user    string // whose native connection it is; guarded by door.mu
	person  person // of the whole connection; Hocuspocus has one for each document
	door    *Door
	dialect dialect
	limit   limiters
	in      *admitted

	// work is held while the dialect works: it may wait for a room then, so
	// nothing a room or the writing goroutine calls may take it.
	work sync.Mutex
	over bool // the socket has ended; guarded by work

	melody    *melody.Melody
	upgraded  chan struct{} // closed when the request has been answered, and nil then
	transport netpoll.Conn  // set before session
	session   atomic.Pointer[melody.Session]
	closing   sync.Once
	frames    int          // received; only the reading goroutine uses it
	heard     atomic.Int64 // when the peer last said anything, in Unix ns
	probing   atomic.Bool

	stays stays
}

// start is called when the socket is open.
func (c *conn) start(s *melody.Session) {
	c.session.Store(s)
	c.heard.Store(time.Now().UnixNano())
	s.Request = nil // nobody needs it, and it is large
	close(c.upgraded)
	c.upgraded = nil
	c.out.write = c.writer(s)
	c.out.slow = func() { go c.close(c.dialect.slowCode(), "too slow: come back to catch up") }
	c.out.limit = &c.door.limits
	c.out.spoke.Store(true)
	c.door.enter(c)
	c.aside(func() {
		c.work.Lock()
		defer c.work.Unlock()
		c.dialect.opened()
	})
}

// log returns a logger that names the connection.
func (c *conn) log() *slog.Logger { return c.door.Log.With("conn", c.name[:8]) }

// writer returns how frames leave: past Melody if the kernel takes them at once.
func (c *conn) writer(s *melody.Session) func(frame []byte) (bool, error) {
	c.transport.BeginFrames()
	return func(frame []byte) (bool, error) {
		if c.transport.TryWrite(frame) {
			return true, nil
		}
		return false, s.WriteBinary(frame)
	}
}

// asideFrames is how many frames of a connection are worked on aside: those with
// which it begins. Many never say more.
const asideFrames = 4

// aside runs f on a goroutine of its own and waits: what f calls goes deep, and
// a stack that has grown with it would stay large for the connection's life.
func (c *conn) aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.guard(f)
	}()
	<-done
}

// guard runs f with its own recover: a panic ends one connection, and is a bug.
func (c *conn) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.log().Error("panic at the door; closing one connection", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			c.drop()
		}
	}()
	f()
}

// known takes note of whose connection it is, and lets it send large messages. It is
// called on the reading goroutine.
func (c *conn) known(person string) error {
	if err := c.in.known(person); err != nil {
		return err
	}
	c.session.Load().WebsocketConnection().SetReadLimit(c.door.limits.hardMax())
	return nil
}

// ranOut ends a connection whose token has run out, as long after that as a new
// connection would still have been let in.
func (c *conn) ranOut() { c.close(wire.CloseAuth, "the token has run out") }

// end is called once the socket has closed.
func (c *conn) end() {
	defer c.door.leave(c)
	c.out.close()
	c.work.Lock()
	defer c.work.Unlock()
	c.over = true
	c.person.stop()
	c.dialect.closed()
}

// send queues a frame of the connection's own that must arrive.
func (c *conn) send(frame []byte) { c.out.push(frame) }

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

// probe asks the peer for a sign of life, and ends the connection if none comes
// in probeWait: sooner than the pings that every connection gets would tell. It
// does not block.
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
		if c.heard.Load() < asked.UnixNano() {
			c.close(c.dialect.slowCode(), "no sign of life")
		}
	})
}

// silent ends a connection whose peer has not answered in time. Melody closes
// it as soon as this returns, so the close frame can't wait for its turn.
func (c *conn) silent() {
	first := false
	c.closing.Do(func() { first = true })
	if first { // not in there: a room that closes the same peer would wait for the write
		message := websocket.FormatCloseMessage(int(c.dialect.slowCode()), "no sign of life")
		_ = c.session.Load().WebsocketConnection().WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	}
}

// drop ends the connection at once.
func (c *conn) drop() {
	if c.session.Load() != nil {
		c.transport.Abort()
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
