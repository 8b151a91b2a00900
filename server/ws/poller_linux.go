//go:build linux && (amd64 || arm64)

package ws

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// poller reads the sockets of all connections. The net package would wake a goroutine
// for each arrival, on a stack that has to be fetched from memory first; here one
// goroutine takes arrivals in turn, reads them into one buffer, and carries out what
// takes no waiting (conn.quick). The rest goes to the connection's own goroutine, Melody's.
//
//	network ── poller ── sip ── conn.quick
//	              └────── Read ── gorilla ── Melody ── conn.receive
//
// When many arrive at once more goroutines share them, up to one for each core. What is
// carried out is short, see room.Room.TryReceive; should one be held up by it all the
// same, rescue has another take its place.
type poller struct {
	epoll   syscall.RawConn
	file    *os.File // of epoll
	fd      int
	workers sync.WaitGroup

	mu       sync.Mutex
	sockets  []*socket // by fd
	added    int32
	arrivals []arrival // not yet taken, the next one last
	working  int       // workers
	waiting  bool      // one of them waits for arrivals
	steps    int       // arrivals taken
	seen     int       // steps when rescue was called last
	over     bool
}

// arrival is a socket to which something has happened.
type arrival struct {
	socket *socket
	what   uint32 // EPOLLIN and the like
}

const (
	mostAtOnce = 128 // arrivals
	// shareFrom is how many arrivals at once are worth waking another core for.
	shareFrom = 16
	epollEdge = 1 << 31 // syscall.EPOLLET is negative
	allEvents = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | epollEdge
)

// newPoller starts a worker; close ends it.
func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll") // it can be waited for as a socket can
	epoll, err := file.SyscallConn()
	if err = errors.Join(err, file.SetDeadline(time.Time{})); err != nil { // it can't be waited for
		file.Close()
		return nil, err
	}
	p := &poller{file: file, epoll: epoll, fd: fd}
	p.more()
	return p, nil
}

// close ends the poller and waits for it. No socket may be left.
func (p *poller) close() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.file.Close()
	p.workers.Wait()
}

// adopt takes a socket out of the net package's hands.
func (p *poller) adopt(tcp *net.TCPConn, of *conn) (*socket, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if e := raw.Control(func(theirs uintptr) { fd, err = dup(theirs) }); e != nil || err != nil {
		return nil, errors.Join(e, err)
	}
	s := &socket{of: of}
	s.attach(p, fd)
	if err := p.add(s, fd); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	tcp.Close() // its copy
	return s, nil
}

func dup(fd uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(n), nil
}

func (p *poller) add(s *socket, fd int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return os.ErrClosed
	}
	p.added++
	s.polled.id = p.added
	for len(p.sockets) <= fd {
		p.sockets = append(p.sockets, nil)
	}
	if p.sockets[fd] != nil {
		panic("ws: a socket that was closed unasked")
	}
	e := syscall.EpollEvent{Events: allEvents, Fd: int32(fd), Pad: s.polled.id}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.sockets[fd] = s
	return nil
}

// remove is called before fd is closed, which takes it out of the epoll.
func (p *poller) remove(fd int) {
	p.mu.Lock()
	p.sockets[fd] = nil
	p.mu.Unlock()
}

// more starts a worker. mu is held, or nobody else has the poller yet.
func (p *poller) more() {
	p.working++
	p.workers.Go(p.work)
}

// work reads sockets until the poller is closed, or there is nothing to do and another
// waits for more.
func (p *poller) work() {
	var (
		buf    [readMost]byte
		events [mostAtOnce]syscall.EpollEvent
	)
	for {
		a, ok := p.next()
		if !ok {
			return
		}
		if a.socket != nil {
			a.socket.arrived(a.what, buf[:], a.socket.sip)
			continue
		}
		n := 0
		err := p.epoll.Read(func(epoll uintptr) bool {
			n, _ = eventsNow(epoll, events[:])
			return n > 0
		})
		if err != nil {
			p.failed(err)
			return
		}
		p.take(events[:n])
	}
}

// failed is called by a worker that can't wait for arrivals.
func (p *poller) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		panic(fmt.Sprintf("ws: sockets can't be read any more: %v", err))
	}
}

// next returns the next arrival, or none if the worker is to wait for some, or false if
// it is to end.
func (p *poller) next() (a arrival, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps++
	n := len(p.arrivals)
	switch {
	case n == 0 && p.waiting:
		p.working--
		return arrival{}, false
	case n == 0:
		p.waiting = true
		return arrival{}, true
	}
	a = p.arrivals[n-1]
	p.arrivals[n-1] = arrival{}
	p.arrivals = p.arrivals[:n-1]
	return a, true
}

// take makes arrivals of events.
func (p *poller) take(events []syscall.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = false
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if s := p.sockets[e.Fd]; s != nil && s.polled.id == e.Pad {
			p.arrivals = append(p.arrivals, arrival{s, e.Events})
		}
	}
	if len(p.arrivals) >= shareFrom && !p.over && p.working < runtime.GOMAXPROCS(0) {
		p.more()
	}
}

// rescue starts another worker if none has taken an arrival since it was last called,
// though none waits for any. It is called now and then.
func (p *poller) rescue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == p.steps && !p.waiting && !p.over {
		p.more()
	}
	p.seen = p.steps
}
