//go:build linux && (amd64 || arm64)

package netpoll

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// poller waits for events of many sockets with one epoll, and has a goroutine of its own
// handle them: the net package would wake one goroutine for each socket.
//
//	              ┌──── epoll ────┐
//	socket events │ enqueue ─► ready list ─► next ─► pollConn.handleEvents
//	              └───────────────┘
//
// Its goroutines are called workers. At most one waits for epoll at a time; the others
// handle sockets of the ready list, and end when that is empty while another one waits.
//
//	running ──► failed ──► closed       failed: epoll returned an error; see fail
//	   └───────────────────► closed
type poller struct {
	log     *slog.Logger
	epoll   syscall.RawConn // of epollFD, for waiting by Go's own poller
	file    *os.File        // of epollFD
	epollFD int
	workers sync.WaitGroup

	mu          sync.Mutex
	state       pollerState
	conns       []*pollConn // by fd
	lastID      int32       // of the connections added
	ready       []readyConn // to be handled; the next one is last
	working     int         // workers
	waiting     bool        // one of them waits for epoll
	progress    int         // how often a worker has asked for work
	lastChecked int         // progress at the last checkStalled
}

type pollerState int

const (
	pollerRunning pollerState = iota
	pollerFailed
	pollerClosed
)

// readyConn is a connection whose socket has events.
type readyConn struct {
	conn   *pollConn
	events uint32 // EPOLLIN and the like
}

const (
	maxEvents = 128 // of one epoll_pwait
	// shareFrom is the length of the ready list that is worth waking another core.
	shareFrom     = 16
	edgeTriggered = 1 << 31 // syscall.EPOLLET is negative
	socketEvents  = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edgeTriggered
	readSize      = 16 << 10 // bytes to receive at a time
)

// newPoller starts a poller with one worker; close ends it.
func newPoller(log *slog.Logger) (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll") // Go's poller can wait for an epoll as for a socket
	epoll, err := file.SyscallConn()
	if err = errors.Join(err, file.SetDeadline(time.Time{})); err != nil { // Go's poller refuses it
		_ = file.Close()
		return nil, err
	}
	p := &poller{log: log, file: file, epoll: epoll, epollFD: fd}
	p.startWorker()
	return p, nil
}

// close ends the poller and waits for its workers. All connections must have been closed.
func (p *poller) close() {
	p.mu.Lock()
	p.state = pollerClosed
	p.mu.Unlock()
	_ = p.file.Close()
	p.workers.Wait()
}

func (p *poller) isRunning() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == pollerRunning
}

// add takes a socket over from the net package. The handler is called from the first
// Read on.
func (p *poller) add(tcp *net.TCPConn, h Handler) (Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if e := raw.Control(func(theirs uintptr) { fd, err = duplicate(theirs) }); e != nil || err != nil {
		return nil, errors.Join(e, err)
	}
	c := &pollConn{handler: h}
	c.attach(p, fd)
	if err := p.register(c, fd); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	_ = tcp.Close() // the net package's descriptor; ours keeps the socket open
	return c, nil
}

func (p *poller) register(c *pollConn, fd int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != pollerRunning {
		return os.ErrClosed
	}
	p.lastID++
	c.id = p.lastID
	for len(p.conns) <= fd {
		p.conns = append(p.conns, nil)
	}
	if p.conns[fd] != nil {
		panic("netpoll: a socket was closed outside of this package")
	}
	e := syscall.EpollEvent{Events: socketEvents, Fd: int32(fd), Pad: c.id}
	if err := syscall.EpollCtl(p.epollFD, syscall.EPOLL_CTL_ADD, fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.conns[fd] = c
	return nil
}

// remove must be called before fd is closed. Closing it takes it out of the epoll.
func (p *poller) remove(fd int) {
	p.mu.Lock()
	p.conns[fd] = nil
	p.mu.Unlock()
}

// startWorker is called with mu held, or before others have the poller.
func (p *poller) startWorker() {
	p.working++
	p.workers.Go(p.work)
}

// work handles sockets until the poller ends, or nothing is ready and another worker
// waits for epoll.
func (p *poller) work() {
	var (
		buf    [readSize]byte
		events [maxEvents]syscall.EpollEvent
		n      int
		err    error
	)
	receiveEvents := func(epoll uintptr) (done bool) {
		n, err = epollNow(epoll, events[:])
		return n > 0 || err != nil
	}
	for {
		r, ok := p.next()
		if !ok {
			return
		}
		if r.conn != nil {
			r.conn.handleEvents(r.events, buf[:])
			continue
		}
		n = 0
		if waitErr := p.epoll.Read(receiveEvents); waitErr != nil || err != nil {
			p.fail(errors.Join(waitErr, err))
			return
		}
		p.enqueue(events[:n])
	}
}

// next returns the next ready connection, or none if the worker must wait for epoll, or
// ok = false if the worker must end.
func (p *poller) next() (r readyConn, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress++
	n := len(p.ready)
	switch {
	case n == 0 && (p.waiting || p.state != pollerRunning):
		p.working--
		return readyConn{}, false
	case n == 0:
		p.waiting = true
		return readyConn{}, true
	}
	r = p.ready[n-1]
	p.ready[n-1] = readyConn{}
	p.ready = p.ready[:n-1]
	return r, true
}

// enqueue puts the connections of events on the ready list. Their number is bounded, as
// only a worker that has found the list empty waits for events.
func (p *poller) enqueue(events []syscall.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = false
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if c := p.conns[e.Fd]; c != nil && c.id == e.Pad { // else it has been closed meanwhile
			p.ready = append(p.ready, readyConn{c, e.Events})
		}
	}
	if len(p.ready) >= shareFrom && p.state == pollerRunning && p.working < runtime.GOMAXPROCS(0) {
		p.startWorker()
	}
}

// checkStalled starts a worker if no worker has asked for work since the last call,
// though none waits for epoll: all of them are held up in a handler.
func (p *poller) checkStalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lastChecked == p.progress && !p.waiting && p.state == pollerRunning {
		p.startWorker()
	}
	p.lastChecked = p.progress
}

// fail is called by a worker that cannot wait for epoll. It gives all connections to
// Go's own poller, where they remain; see socket.leavePoller.
func (p *poller) fail(err error) {
	p.mu.Lock()
	if p.state != pollerRunning {
		p.mu.Unlock()
		return
	}
	p.state = pollerFailed
	p.ready = nil
	var conns []*pollConn
	for _, c := range p.conns {
		if c != nil {
			conns = append(conns, c)
		}
	}
	p.mu.Unlock()
	_ = p.file.Close()
	p.log.Error("netpoll: epoll failed; all connections go on with Go's own poller until the server restarts, and cost more CPU", "connections", len(conns), "err", err)
	for _, c := range conns {
		c.leavePoller()
	}
}
