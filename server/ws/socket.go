package ws

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket stands between Melody's pump and the network, so that small frames can
// be written past the pump: by whoever has them, if the kernel takes them without
// waiting. Most do, and a write costs less than waking the goroutine that would
// do it. What the kernel does not take goes to the pump, which may wait.
//
//	outbox ── try ───────────┐
//	   └── Melody ── gorilla ── Write ── network
//
// Frames stay whole and in order: the outbox has one frame on its way at a time;
// mu is held while bytes go out; and when the kernel has taken the first part of a
// frame only, that frame is given to Melody too, and its rest goes in place of
// what gorilla writes then.
type socket struct {
	net.Conn // lingers, without the methods of a TCP connection that would write past Write
	lingers  *lingering
	of       *conn

	mu     sync.Mutex
	opened bool   // the handshake is over: frames only from now on
	closed bool   // a close frame is out: no data may follow
	again  bool   // gorilla is to write a frame that try has begun
	skip   bool   // what is still to come of gorilla's frame is out already
	left   int    // bytes of it that are still to come
	owed   []byte // the rest of the frame that try has begun

	// deadline is for the next Write. It is set by who calls Write, and
	// given to the network only if that waits.
	deadline time.Time
}

const (
	// tryMost bounds a frame that is written past the pump; it is copied for it.
	tryMost   = 16 << 10
	headBytes = 10 // of a frame to a client, at most
)

// hijacker gives the upgrader a socket, over one that lingers.
type hijacker struct {
	http.ResponseWriter
	conn *conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c = linger(c)
	if l, ok := c.(*lingering); ok {
		h.conn.lingers = l
		if direct {
			return &socket{Conn: l, lingers: l, of: h.conn}, rw, nil
		}
	}
	return carried{c, h.conn}, rw, nil
}

// carrier is what the network looks like to Melody and gorilla, and knows whose it is.
type carrier interface{ carries() *conn }

// carried is one that is not a socket.
type carried struct {
	net.Conn
	of *conn
}

func (c carried) carries() *conn { return c.of }

func (s *socket) carries() *conn { return s.of }

// open is called once the handshake has been answered.
func (s *socket) open() {
	s.mu.Lock()
	s.opened = true
	s.mu.Unlock()
}

var scratch = sync.Pool{New: func() any { return new([headBytes + tryMost]byte) }}

// try writes a binary frame if that takes no waiting, and tells whether it did. If
// not, the caller must give the very frame to Melody next. It never blocks.
func (s *socket) try(frame []byte) bool {
	if len(frame) > tryMost || !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	if !s.opened || s.closed || s.left > 0 || s.again {
		return false
	}
	buf := scratch.Get().(*[headBytes + tryMost]byte)
	defer scratch.Put(buf)
	b := append(appendHead(buf[:0], len(frame)), frame...)
	n := s.lingers.send(b)
	if n > 0 && n < len(b) {
		s.owed, s.again = append(s.owed, b[n:]...), true
	}
	return n == len(b)
}

func appendHead(dst []byte, n int) []byte {
	dst = append(dst, 0x80|websocket.BinaryMessage)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// frameSize reads the head of a frame to a client.
func frameSize(b []byte) (opcode, size int) {
	opcode, size = int(b[0]&0xf), int(b[1])
	switch size {
	case 126:
		size = 4 + int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		size = 10 + int(binary.BigEndian.Uint64(b[2:]))
	default:
		size += 2
	}
	return opcode, size
}

// SetWriteDeadline is for the next Write.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// Write is called by gorilla, with the head of a frame in the first piece of it.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.opened {
		return s.all(b)
	}
	if s.left == 0 {
		if err := s.begin(b); err != nil {
			return 0, err
		}
	}
	s.left -= len(b)
	if s.skip {
		return len(b), nil
	}
	return s.all(b)
}

// begin takes note of a frame that begins.
func (s *socket) begin(b []byte) error {
	if s.closed {
		return net.ErrClosed
	}
	if len(s.owed) > 0 {
		if _, err := s.all(s.owed); err != nil {
			return err
		}
		s.owed = nil
	}
	if len(b) < 2 {
		return io.ErrShortWrite
	}
	opcode, size := frameSize(b)
	s.left, s.skip = size, false
	switch opcode {
	case websocket.CloseMessage:
		s.closed = true
	case websocket.BinaryMessage:
		s.skip, s.again = s.again, false
	}
	return nil
}

// all writes all of b, and waits until the deadline if it has to. mu is held.
func (s *socket) all(b []byte) (int, error) {
	n := 0
	if len(b) > 0 {
		n = s.lingers.send(b)
	}
	if n == len(b) {
		return n, nil
	}
	if err := s.Conn.SetWriteDeadline(s.deadline); err != nil {
		return n, err
	}
	more, err := s.Conn.Write(b[n:])
	return n + more, err
}
