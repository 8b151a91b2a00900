//go:build linux && (amd64 || arm64)

package ws

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// polled is a TCP socket that a poller watches. It lingers as lingering does. Its
// methods are those of a net.Conn, but for the deadline of a write, which goes with it.
type polled struct {
	poller *poller
	id     int32 // in the poller
	closed atomic.Bool

	mu      sync.Mutex
	changed sync.Cond // of mu: something that Read waits for
	fd      int       // -1 once dropped
	begun   framing   // what Read has returned so far

	reads  bool   // somebody waits in Read
	busy   bool   // the poller has read something, and is at it
	fresh  bool   // there may be more to read
	hung   bool   // the peer has ended: see fresh
	handed []byte // read, and for Read to return
	err    error  // to return after that

	roomy chan struct{} // holds a token when more can be written; nil until somebody has waited

	readBy time.Time   // see lapse
	linger *time.Timer // drops it; nil before Close
}

func (p *polled) attach(poller *poller, fd int) {
	p.poller, p.fd = poller, fd
	p.changed.L = &p.mu
	p.fresh = true
}

// LocalAddr is part of net.Conn. Nobody asks, and it would take memory.
func (p *polled) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is part of net.Conn. Nobody asks, and it would take memory.
func (p *polled) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// Read reads, and once the socket has been closed discards until it ends. One goroutine
// at a time may.
func (p *polled) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.fd < 0:
			return 0, net.ErrClosed
		case !p.readBy.IsZero() && !time.Now().Before(p.readBy):
			return 0, os.ErrDeadlineExceeded
		case p.busy:
			p.await()
		case len(p.handed) > 0 && p.closed.Load():
			p.handed = nil
			p.mu.Unlock() // let others have it, however much comes
			p.mu.Lock()
		case len(p.handed) > 0:
			n := copy(b, p.handed)
			if p.handed = p.handed[n:]; len(p.handed) == 0 {
				p.handed = nil
			}
			p.begun.pass(b[:n])
			return n, nil
		case p.err != nil:
			return 0, p.err
		case p.fresh && len(b) >= readMost/4 && !p.closed.Load():
			if n := p.receive(b); n > 0 {
				p.begun.pass(b[:n])
				return n, nil
			}
		case p.fresh:
			p.read()
		default:
			p.await()
		}
	}
}

// await waits in Read until something has changed. mu is held.
func (p *polled) await() {
	p.reads = true
	p.changed.Wait()
	p.reads = false
}

// arrived reads what there is, into buf, and gives it to sip; what that leaves, and what
// it may not have, is for Read. It is called by the poller and does not wait.
func (p *polled) arrived(what uint32, buf []byte, sip func([]byte) []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const ended = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	p.hung = p.hung || what&ended != 0
	p.fresh = p.fresh || what&(syscall.EPOLLIN|ended) != 0
	if what&(syscall.EPOLLOUT|ended) != 0 {
		p.hasRoom()
	}
	if p.busy {
		return // who is at it looks again
	}
	for n := 0; n < sipsAtOnce && p.fresh && p.forSip(); n++ {
		got := p.receive(buf)
		if got == 0 {
			continue
		}
		p.busy = true
		p.mu.Unlock()
		rest := sip(buf[:got])
		p.mu.Lock()
		p.busy = false
		p.handed = append(p.handed, rest...)
	}
	if p.reads && (p.fresh || !p.forSip()) {
		p.changed.Broadcast()
	}
}

// sipsAtOnce is how often a socket is read in its turn. Who sends more than that is read
// by a goroutine of its own.
const sipsAtOnce = 4

// forSip tells whether the next byte begins a frame that nobody has begun to read, while
// Read has nothing to do but to wait for it. mu is held.
func (p *polled) forSip() bool {
	return p.reads && p.fd >= 0 && len(p.handed) == 0 && p.err == nil && !p.closed.Load() && p.begun.between()
}

var readBuffers = sync.Pool{New: func() any { return new([readMost]byte) }}

// read reads what is there for Read to return. mu is held.
func (p *polled) read() {
	buf := readBuffers.Get().(*[readMost]byte)
	defer readBuffers.Put(buf)
	p.handed = append(p.handed, buf[:p.receive(buf[:])]...)
}

// receive reads what is there into buf. mu is held.
func (p *polled) receive(buf []byte) int {
	n, again, err := recvNow(p.fd, buf)
	switch {
	case again:
		p.fresh = false
	case err != nil:
		p.err = &net.OpError{Op: "read", Net: "tcp", Err: err}
	case n == 0:
		p.err = io.EOF
	case n < len(buf):
		// There will be an event when there is more, but none for an end that has
		// been told together with this. (A read ends at urgent data, too, which no
		// client of ours sends: what comes after waits for the next event.)
		p.fresh = p.hung
	}
	return n
}

// write writes b, or as much of it as there is time for. One goroutine at a time may.
func (p *polled) write(b []byte, by time.Time) (n int, err error) {
	var late <-chan time.Time
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) {
		if p.fd < 0 {
			return n, net.ErrClosed
		}
		sent, err := sendNow(p.fd, b[n:])
		if err != nil {
			return n, &net.OpError{Op: "write", Net: "tcp", Err: err}
		}
		if n += sent; n == len(b) {
			break
		}
		if p.roomy == nil {
			p.roomy = make(chan struct{}, 1)
		}
		if late == nil && !by.IsZero() {
			timer := time.NewTimer(time.Until(by))
			defer timer.Stop()
			late = timer.C
		}
		p.mu.Unlock()
		select {
		case <-p.roomy: // also a stale token
			p.mu.Lock()
		case <-late:
			p.mu.Lock()
			return n, os.ErrDeadlineExceeded
		}
	}
	return n, nil
}

// hasRoom tells who writes to try again. mu is held.
func (p *polled) hasRoom() {
	select {
	case p.roomy <- struct{}{}:
	default: // nobody has ever waited, or a token is there
	}
}

// send writes as much of b as takes no waiting.
func (p *polled) send(b []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return 0
	}
	n, _ := sendNow(p.fd, b)
	return n
}

// SetReadDeadline is for the Read under way, too, which ends when lapse is called after t:
// a timer for each socket would take memory.
func (p *polled) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	p.readBy = t
	p.mu.Unlock()
	return nil
}

func (p *polled) ended() bool { return p.closed.Load() }

func (p *polled) lapse(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reads && !p.readBy.IsZero() && !now.Before(p.readBy) {
		p.changed.Broadcast()
	}
}

// Close ends the writing side; drop follows, here or in finish.
func (p *polled) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.mu.Lock()
	if p.fd >= 0 {
		if syscall.Shutdown(p.fd, syscall.SHUT_WR) == nil {
			p.linger = time.AfterFunc(lingerTime, p.drop)
			p.mu.Unlock()
			return nil
		}
	}
	p.mu.Unlock()
	p.drop()
	return nil
}

// finish is called when nobody reads any more. It returns when the peer has ended
// too, or lingerTime after Close.
func (p *polled) finish() {
	_ = p.Close()
	_, _ = p.Read(make([]byte, 1))
	p.drop()
}

// drop closes the socket at once.
func (p *polled) drop() {
	p.closed.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return
	}
	p.poller.remove(p.fd)
	syscall.Close(p.fd)
	p.fd, p.handed = -1, nil
	if p.linger != nil {
		p.linger.Stop()
	}
	p.hasRoom()
	p.changed.Broadcast()
}
