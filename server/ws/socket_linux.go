//go:build linux && (amd64 || arm64)

package ws

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket stands between Melody's pump and the network, so that small frames can
// be written past the pump: by whoever has them, if the kernel takes them without
// waiting. Most do, and a write costs less than waking the goroutine that would
// do it. What the kernel does not take goes to the pump, which may wait. How they
// are read past it, see poller.
//
//	outbox ── try ───────────┐
//	   └── Melody ── gorilla ── Write ── network
//
// Frames stay whole and in order: the outbox has one frame on its way at a time;
// writing is held while bytes go out; and when the kernel has taken the first part of a
// frame only, that frame is given to Melody too, and its rest goes in place of
// what gorilla writes then.
type socket struct {
	polled
	of *conn

	writing sync.Mutex // guards what follows
	opened  bool       // the handshake is over: frames only from now on
	closed  bool       // a close frame is out: no data may follow
	again   bool       // gorilla is to write a frame that try has begun
	skip    bool       // what is still to come of gorilla's frame is out already
	left    int        // bytes of it that are still to come
	owed    []byte     // the rest of the frame that try has begun

	// deadline is for the next Write. It is set by who calls Write.
	deadline time.Time
}

const (
	// tryMost bounds a frame that is written past the pump; it is copied for it.
	tryMost   = 16 << 10
	headBytes = 10 // of a frame to a client, at most
)

func (s *socket) carries() *conn { return s.of }

// open is called once the handshake has been answered.
func (s *socket) open() {
	s.writing.Lock()
	s.opened = true
	s.writing.Unlock()
}

var scratch = sync.Pool{New: func() any { return new([headBytes + tryMost]byte) }}

// try writes a binary frame if that takes no waiting, and tells whether it did. If
// not, the caller must give the very frame to Melody next. It never blocks.
func (s *socket) try(frame []byte) bool {
	if len(frame) > tryMost || !s.writing.TryLock() {
		return false
	}
	defer s.writing.Unlock()
	if !s.opened || s.closed || s.left > 0 || s.again {
		return false
	}
	buf := scratch.Get().(*[headBytes + tryMost]byte)
	defer scratch.Put(buf)
	b := append(appendHead(buf[:0], len(frame)), frame...)
	n := s.send(b)
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

// SetDeadline is for the Read under way, and the next Write.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetWriteDeadline(t)
	return s.SetReadDeadline(t)
}

// SetWriteDeadline is for the next Write.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// Write is called by gorilla, with the head of a frame in the first piece of it.
func (s *socket) Write(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
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

// all writes all of b, and waits until the deadline if it has to. writing is held.
func (s *socket) all(b []byte) (int, error) { return s.write(b, s.deadline) }

// sip takes the frames at the front of b that can be carried out without waiting, and
// returns what is left.
func (s *socket) sip(b []byte) (rest []byte) {
	for len(b) > 0 {
		payload, key, size := plainFrame(b)
		if size == 0 || !s.of.quick(unmasked(payload, key)) {
			return b
		}
		b = b[size:]
	}
	return nil
}
