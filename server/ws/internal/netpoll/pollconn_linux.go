//go:build linux && (amd64 || arm64)

package netpoll

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pollConn is the Conn of a polled socket. It keeps the frames that TryWrite and the
// WebSocket library write whole and in order:
//
//   - writing is held while bytes go out.
//   - TryWrite writes nothing while the library is within a frame, or after a close
//     frame.
//   - If the kernel takes a part of TryWrite's frame only, the library is given the same
//     message next. The rest of the frame goes out before anything else, and the
//     library's frame is discarded. Control frames may come in between.
type pollConn struct {
	socket
	handler Handler

	writing    sync.Mutex // guards what follows
	framing    bool       // the handshake is over
	closeSent  bool       // a close frame has been written: no data may follow it
	rest       []byte     // of the frame that TryWrite has begun, to be sent
	duplicate  bool       // the library is yet to write the message whose frame TryWrite has begun
	discarding bool       // the library's current frame is that duplicate
	frameLeft  int        // bytes of the library's current frame that it has not written yet

	writeDeadline time.Time // for Write; set by its caller
}

// maxTryWrite bounds, in bytes, a message that TryWrite writes: it is copied.
const maxTryWrite = 16 << 10

// Handler implements Conn.
func (c *pollConn) Handler() Handler { return c.handler }

// BeginFrames implements Conn.
func (c *pollConn) BeginFrames() {
	c.writing.Lock()
	c.framing = true
	c.writing.Unlock()
}

var writeBuffers = sync.Pool{New: func() any { return new([maxServerHead + maxTryWrite]byte) }}

// TryWrite implements Conn. It also returns false while Write is writing.
func (c *pollConn) TryWrite(payload []byte) bool {
	if len(payload) > maxTryWrite || !c.writing.TryLock() {
		return false
	}
	defer c.writing.Unlock()
	if !c.framing || c.closeSent || c.frameLeft > 0 || c.duplicate {
		return false
	}
	buf := writeBuffers.Get().(*[maxServerHead + maxTryWrite]byte)
	defer writeBuffers.Put(buf)
	frame := append(appendServerHead(buf[:0], len(payload)), payload...)
	n := c.trySend(frame)
	if n > 0 && n < len(frame) {
		c.rest, c.duplicate = append(c.rest, frame[n:]...), true
	}
	return n == len(frame)
}

// SetDeadline implements net.Conn.
func (c *pollConn) SetDeadline(t time.Time) error {
	_ = c.SetWriteDeadline(t)
	return c.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of the next Write, and not of one that is blocked.
// It must not be called concurrently with Write.
func (c *pollConn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline = t
	return nil
}

// Write implements net.Conn. The caller is the WebSocket library: the first piece of
// each frame must have its whole head, and no piece bytes of two frames.
func (c *pollConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.framing {
		return c.send(b, c.writeDeadline)
	}
	if c.frameLeft == 0 {
		if err := c.beginFrame(b); err != nil {
			return 0, err
		}
	}
	c.frameLeft -= len(b)
	if c.discarding {
		return len(b), nil
	}
	return c.send(b, c.writeDeadline)
}

// beginFrame prepares for the frame of the library whose first piece is b.
func (c *pollConn) beginFrame(b []byte) error {
	if c.closeSent {
		return net.ErrClosed
	}
	if len(c.rest) > 0 {
		if _, err := c.send(c.rest, c.writeDeadline); err != nil {
			return err
		}
		c.rest = nil
	}
	if len(b) < 2 {
		return io.ErrShortWrite
	}
	opcode, size := serverFrame(b)
	c.frameLeft, c.discarding = size, false
	switch opcode {
	case opcodeClose:
		c.closeSent = true
	case opcodeBinary:
		c.discarding, c.duplicate = c.duplicate, false
	}
	return nil
}

// send sends b and blocks until the kernel has taken all of it, or the deadline has
// passed; the zero time is none. It returns the number of bytes sent. One goroutine at a
// time may call it.
func (s *socket) send(b []byte, deadline time.Time) (n int, err error) {
	var late <-chan time.Time
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(b) {
		if s.fd < 0 {
			return n, net.ErrClosed
		}
		if s.file != nil {
			m, err := s.writeFile(b[n:], deadline)
			return n + m, err
		}
		sent, err := sendNow(s.fd, b[n:])
		if err != nil {
			return n, &net.OpError{Op: "write", Net: "tcp", Err: err}
		}
		if n += sent; n == len(b) {
			break
		}
		if s.writable == nil {
			s.writable = make(chan struct{}, 1)
		}
		if late == nil && !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			late = timer.C
		}
		s.mu.Unlock()
		select {
		case <-s.writable: // also an old token
			s.mu.Lock()
		case <-late:
			s.mu.Lock()
			return n, os.ErrDeadlineExceeded
		}
	}
	return n, nil
}

// trySend sends as much of b as the kernel takes without blocking, and returns the
// number of bytes.
func (s *socket) trySend(b []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return 0
	}
	n, _ := sendNow(s.fd, b)
	return n
}

// wakeWriter makes a blocked send try again. mu is held.
func (s *socket) wakeWriter() {
	select {
	case s.writable <- struct{}{}:
	default: // no send has ever blocked, or a token is there
	}
}

var _ Conn = (*pollConn)(nil)
