//go:build linux && (amd64 || arm64)

package netpoll

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// socket is a TCP socket that a poller watches. It has the methods of a net.Conn, except
// that write is given its deadline.
type socket struct {
	poller *poller
	id     int32 // tells its events from those of an earlier socket with the same fd
	closed atomic.Bool

	mu      sync.Mutex
	changed sync.Cond    // of mu: something that a blocked Read must look at
	fd      int          // -1 after Abort
	file    *os.File     // of fd; nil unless the poller has failed
	tracker frameTracker // of the bytes that Read has returned

	reading   bool   // a goroutine is blocked in Read
	handling  bool   // a worker handles bytes, with mu released; Read waits for it
	readable  bool   // a receive may return more: see doc.go, "edge-triggered"
	peerEnded bool   // the kernel has reported the end of the stream: readable until it is received
	unread    []byte // received by a worker, to be returned by Read
	readErr   error  // to be returned by Read after unread

	writable chan struct{} // holds a token when a send may succeed; nil until a write has blocked

	readDeadline time.Time
	linger       *time.Timer // aborts; nil before Close
}

func (s *socket) attach(p *poller, fd int) {
	s.poller, s.fd = p, fd
	s.changed.L = &s.mu
	s.readable = true
}

// LocalAddr returns an empty address: it is not needed, and would take memory.
func (s *socket) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr returns an empty address: it is not needed, and would take memory.
func (s *socket) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetReadDeadline also applies to a blocked Read; see Conn.CheckReadDeadline.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readDeadline = t
	if s.file != nil {
		return s.file.SetReadDeadline(t)
	}
	return nil
}

// CheckReadDeadline implements Conn.
func (s *socket) CheckReadDeadline(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading && !s.readDeadline.IsZero() && !now.Before(s.readDeadline) {
		s.changed.Broadcast()
	}
}

// IsClosed implements Conn.
func (s *socket) IsClosed() bool { return s.closed.Load() }

// Close implements Conn.
func (s *socket) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.mu.Lock()
	if s.fd >= 0 && syscall.Shutdown(s.fd, syscall.SHUT_WR) == nil {
		s.linger = time.AfterFunc(LingerTime, s.Abort)
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	s.Abort()
	return nil
}

// Drain implements Conn.
func (s *socket) Drain() {
	_ = s.Close()
	_, _ = s.Read(make([]byte, 1)) // discards until the end
	s.Abort()
}

// Abort implements Conn.
func (s *socket) Abort() {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return
	}
	s.poller.remove(s.fd)
	if s.file != nil {
		_ = s.file.Close()
	} else {
		_ = syscall.Close(s.fd)
	}
	s.fd, s.unread = -1, nil
	if s.linger != nil {
		s.linger.Stop()
	}
	s.wakeWriter()
	s.changed.Broadcast()
}

// leavePoller gives the socket to Go's own poller, as an os.File, for good. That needs no
// further descriptor, and so cannot fail for want of one. It is called when the poller
// has failed, and does not block.
//
// A blocked Read or write wakes and goes on with the file. If a worker is handling bytes
// that it has received, Read waits for it first, as always. Messages are no longer
// handled inline.
func (s *socket) leavePoller() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return
	}
	s.file = os.NewFile(uintptr(s.fd), "websocket")
	_ = s.file.SetReadDeadline(s.readDeadline)
	s.wakeWriter()
	s.changed.Broadcast()
}

// readFile reads when the poller has failed. mu is held, and released while it blocks.
func (s *socket) readFile(b []byte) (int, error) {
	file := s.file
	s.mu.Unlock()
	n, err := file.Read(b)
	s.mu.Lock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	return n, err
}

// writeFile writes when the poller has failed. mu is held, and released while it blocks.
func (s *socket) writeFile(b []byte, deadline time.Time) (int, error) {
	file := s.file
	s.mu.Unlock()
	defer s.mu.Lock()
	_ = file.SetWriteDeadline(deadline)
	return file.Write(b)
}

// receive receives into buf what the kernel has, and returns the number of bytes. It
// does not block. mu is held.
func (s *socket) receive(buf []byte) int {
	n, blocks, err := receiveNow(s.fd, buf)
	switch {
	case blocks:
		s.readable = false
	case err != nil:
		s.readErr = &net.OpError{Op: "read", Net: "tcp", Err: err}
	case n == 0:
		s.readErr = io.EOF
	case n < len(buf):
		// There will be another event when more comes, but none for an end that has been
		// reported together with these bytes. (A receive ends at urgent data, too, which
		// no client of ours sends: what follows it waits for the next event.)
		s.readable = s.peerEnded
	}
	return n
}
