//go:build linux && (amd64 || arm64)

package netpoll

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Read implements net.Conn. After Close it discards what it reads until the stream ends.
func (s *socket) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.fd < 0:
			return 0, net.ErrClosed
		case !s.readDeadline.IsZero() && !time.Now().Before(s.readDeadline):
			return 0, os.ErrDeadlineExceeded
		case s.handling:
			s.wait()
		case len(s.unread) > 0 && s.closed.Load():
			s.unread = nil
			s.mu.Unlock() // however much the client sends, other goroutines get the lock
			s.mu.Lock()
		case len(s.unread) > 0:
			n := copy(b, s.unread)
			if s.unread = s.unread[n:]; len(s.unread) == 0 {
				s.unread = nil
			}
			s.tracker.advance(b[:n])
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		case s.file != nil && s.closed.Load():
			s.discardFile()
		case s.file != nil:
			return s.readFile(b)
		case s.readable && len(b) >= readSize/4 && !s.closed.Load():
			if n := s.receive(b); n > 0 {
				s.tracker.advance(b[:n])
				return n, nil
			}
		case s.readable:
			s.fillUnread()
		default:
			s.wait()
		}
	}
}

// wait blocks Read until something has changed. mu is held.
func (s *socket) wait() {
	s.reading = true
	s.changed.Wait()
	s.reading = false
}

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// fillUnread receives what the kernel has, for Read to return in pieces. mu is held.
func (s *socket) fillUnread() {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	s.unread = append(s.unread, buf[:s.receive(buf[:])]...)
}

// discardFile reads for nothing when the poller has failed. mu is held, and released
// while it blocks.
func (s *socket) discardFile() {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	if _, err := s.readFile(buf[:]); err != nil {
		s.readErr = err
	}
}

// maxReadsInline is how often a socket is read when it has events. A faster sender is
// read by its own goroutine.
const maxReadsInline = 4

// handleEvents takes note of events (EPOLLIN and the like). If Read has nothing to do
// but to wait, it receives into buf and passes whole messages to the handler. The rest,
// and everything that it must not receive, is left to Read. Called by a worker; never
// blocks unless the handler does.
func (c *pollConn) handleEvents(events uint32, buf []byte) {
	s := &c.socket
	s.mu.Lock()
	defer s.mu.Unlock()
	const ended = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	s.peerEnded = s.peerEnded || events&ended != 0
	s.readable = s.readable || events&(syscall.EPOLLIN|ended) != 0
	if events&(syscall.EPOLLOUT|ended) != 0 {
		s.wakeWriter()
	}
	if s.handling {
		return // another worker, which looks at readable again
	}
	for n := 0; n < maxReadsInline && s.readable && s.mayHandleInline(); n++ {
		got := s.receive(buf)
		if got == 0 {
			continue
		}
		s.handling = true
		s.mu.Unlock()
		rest := handleMessages(c.handler, buf[:got])
		s.mu.Lock()
		s.handling = false
		s.unread = append(s.unread, rest...)
	}
	if s.reading && (s.readable || !s.mayHandleInline()) {
		s.changed.Broadcast()
	}
}

// mayHandleInline reports whether the next byte is the first of a message, and Read has
// nothing to do but to wait for it. mu is held.
func (s *socket) mayHandleInline() bool {
	return s.reading && s.fd >= 0 && s.file == nil && len(s.unread) == 0 && s.readErr == nil && !s.closed.Load() && s.tracker.atMessageStart()
}
