package netpoll

import (
	"net"
	"time"
)

// Handler handles the messages of one connection. It is the owner of the connection, see
// [Conn.Handler].
type Handler interface {
	// TryHandle handles the payload of one binary message if it can do so without
	// blocking, and reports whether it did. If it returns false it must have changed
	// nothing: the message reaches the WebSocket library instead. It may keep payload.
	//
	// It is called on a goroutine of the poller, for one message of a connection at a
	// time, and never while the library has an earlier message that it has not handled.
	TryHandle(payload []byte) bool
}

// Conn is a connection of a server to a WebSocket client, as the WebSocket library sees
// it. All methods but Read and Write may be called concurrently; Read and Write by one
// goroutine each.
type Conn interface {
	net.Conn

	// Close ends the writing side and lingers: the client is told the end of the stream,
	// and what it still sends is read and discarded, until it ends its side too or
	// LingerTime has passed. Drain completes this. A socket that is closed with bytes
	// unread would be reset instead, and most systems then drop what their side of the
	// connection has not read yet: the close code, and acks before it.
	Close() error

	// Drain closes the connection and returns when lingering has ended. The caller must
	// be the goroutine that called Read, or come after it.
	Drain()

	// Abort closes the connection at once, without lingering. It does not block.
	Abort()

	// IsClosed reports whether Close or Abort has been called.
	IsClosed() bool

	// BeginFrames must be called once the response to the handshake has been written.
	// What is written from then on are frames, and TryWrite may be called.
	BeginFrames()

	// TryWrite writes payload as one binary message if the kernel takes it without
	// blocking, and reports whether it did. If it returns false the caller must give the
	// same payload to the WebSocket library before any other. Calls must not overlap
	// with each other.
	TryWrite(payload []byte) bool

	// CheckReadDeadline wakes a blocked Read whose deadline has passed by now. The
	// caller calls it for every connection every few seconds: a timer for each
	// connection would take memory.
	CheckReadDeadline(now time.Time)

	// Handler returns the handler that Transport.Wrap was given.
	Handler() Handler
}
