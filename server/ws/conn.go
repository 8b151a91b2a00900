package ws

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/olahol/melody"

	"weft/presence/awareness"
	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// dialect is one of the protocols that clients speak. Unless a method says otherwise, it
// is called with conn.dialectMu held, on the connection's reading goroutine or one of the
// poller.
type dialect interface {
	// opened is called when the handshake is complete.
	opened()
	// received handles a message. It may wait for a room, the disk or a rate limiter.
	received(frame []byte)
	// tryInline handles a message as received does, if that takes no waiting. Otherwise
	// it changes nothing and returns false.
	tryInline(frame []byte, now time.Time) bool
	// closed is called when the connection has ended.
	closed()
	// recheck closes or downgrades what is open under credentials of the user, if the
	// user's rights have changed.
	recheck(user string)
	// keepAlive sends a message without effect, if clients of the dialect hang up without
	// messages. Called without dialectMu.
	keepAlive()
	// slowCode is the close code for a client that is too slow or silent. May be called
	// without dialectMu.
	slowCode() wire.CloseCode
}

// conn is one WebSocket connection.
type conn struct {
	out         sendQueue // first: a room that writes to 1,000 connections mostly waits for memory
	id          string    // unique, random; presence knows the connection by it
	credentials credentials
	door        *Door
	dialect     dialect
	limiters    limiters
	admitted    *admittedConn

	// dialectMu is held while the dialect works, which may wait for a room: nothing that
	// a room or a writing goroutine calls may take it.
	dialectMu sync.Mutex
	ended     bool // the socket has ended; guarded by dialectMu

	melody       *melody.Melody
	upgraded     chan struct{} // closed when the request has been answered, and nil then
	transport    netpoll.Conn  // set before session
	session      atomic.Pointer[melody.Session]
	closeOnce    sync.Once    // for close and closeSilent
	frameCount   int          // of those received; only the reading goroutine uses it
	lastReceived atomic.Int64 // when the last message or pong came, in Unix ns
	probing      atomic.Bool

	presences presences
}

// start is called by Melody when the handshake is complete.
func (c *conn) start(s *melody.Session) {
	c.session.Store(s)
	c.lastReceived.Store(time.Now().UnixNano())
	s.Request = nil // large, and not needed any more
	close(c.upgraded)
	c.upgraded = nil
	c.transport.BeginFrames()
	c.out.write = func(frame []byte) (sent bool, err error) {
		if c.transport.TryWrite(frame) {
			return true, nil
		}
		return false, s.WriteBinary(frame)
	}
	c.out.closeConn = func(reason string) { go c.close(c.dialect.slowCode(), reason) }
	c.out.limits = &c.door.limits
	c.out.sentSince.Store(true)
	c.door.addConn(c)
	c.onFreshStack(func() {
		c.dialectMu.Lock()
		defer c.dialectMu.Unlock()
		c.dialect.opened()
	})
}

// receive is called by Melody with a message.
func (c *conn) receive(frame []byte) {
	if name, limit := c.door.limits.largestMessage(); len(frame) > limit {
		c.door.limits.onLimit(name)
		c.close(wire.CloseTooLarge, fmt.Sprintf("message of %d bytes: the limit is %d", len(frame), limit))
		return
	}
	c.lastReceived.Store(time.Now().UnixNano())
	c.limiters.waitBytes(len(frame))
	if c.frameCount++; c.frameCount <= freshStackFrames {
		c.onFreshStack(func() { c.received(frame) })
		return
	}
	c.received(frame)
}

func (c *conn) received(frame []byte) {
	c.dialectMu.Lock()
	defer c.dialectMu.Unlock()
	c.dialect.received(frame)
}

// countOversized counts a message that exceeds the read limit, of which gorilla has not
// read the end.
func (c *conn) countOversized() {
	name, _ := c.door.limits.largestMessage()
	if !c.admitted.isAuthenticated() {
		name = "hello"
	}
	c.door.limits.onLimit(name)
}

// markAuthenticated counts the connection for its user (empty: an anonymous one) and
// raises its read limit. It is called on the reading goroutine.
func (c *conn) markAuthenticated(user string) error {
	if err := c.admitted.markAuthenticated(user); err != nil {
		return err
	}
	c.session.Load().WebsocketConnection().SetReadLimit(c.door.limits.readLimit())
	return nil
}

// send queues a frame of the connection's own that must arrive.
func (c *conn) send(frame []byte) { c.out.push(frame) }

// end is called when the socket has ended.
func (c *conn) end() {
	defer c.door.removeConn(c)
	c.out.close()
	c.dialectMu.Lock()
	defer c.dialectMu.Unlock()
	c.ended = true
	c.credentials.release(c)
	c.dialect.closed()
}

// log returns a logger that names the connection.
func (c *conn) log() *slog.Logger { return c.door.log.With("conn", c.id[:8]) }

// freshStackFrames is how many messages of a connection are handled on a fresh stack: the
// first ones, which join and synchronise. Many connections never send more by Melody.
const freshStackFrames = 4

// onFreshStack runs f on a new goroutine and waits for it. The calls of f go deep, and the
// stack of a connection's own goroutine would stay as large for the connection's life.
func (c *conn) onFreshStack(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.guard(f)
	}()
	<-done
}

// guard runs f and recovers from a panic, which is a bug: it closes this connection only.
func (c *conn) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.logPanic(r)
			c.abort()
		}
	}()
	f()
}

func (c *conn) logPanic(r any) {
	c.log().Error("panic at the door; closing one connection", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// emptyAwareness is a body that changes nothing: an awareness update about no client.
var emptyAwareness = wire.AppendAwareness(nil, awareness.Append(nil, nil))
