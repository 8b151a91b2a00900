package ws

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// lingering is a socket that, when it is closed, says so to its peer and then
// reads on for a moment, and passes on nothing of that. A socket that is closed
// with bytes unread is reset instead, and most systems then drop what the peer has
// not read yet: the close code, and acks before it.
type lingering struct {
	*net.TCPConn
	closed atomic.Bool

	mu      sync.Mutex
	fd      uintptr // no longer ours once dropped
	dropped bool
	timer   *time.Timer // drops it; nil before Close

	reading reading // of who reads
}

// lingerTime is how long the peer may take to answer a close: longer than a round
// trip, and short against what a stopping server may take.
const lingerTime = 2 * time.Second

// linger returns c itself if it is no TCP connection, or not a usable one.
func linger(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	l := &lingering{TCPConn: tcp}
	l.reading.begin(raw)
	if raw.Control(func(fd uintptr) { l.fd = fd }) != nil {
		return c
	}
	return l
}

// send writes as much of b as takes no waiting. Nobody else may be writing.
func (l *lingering) send(b []byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped {
		return 0
	}
	return sendNow(l.fd, b)
}

// Close ends the writing side; drop follows, here or in finish.
func (l *lingering) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if err := l.CloseWrite(); err != nil {
		l.drop()
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dropped {
		l.timer = time.AfterFunc(lingerTime, l.drop)
	}
	return nil
}

// Read reads, and once the socket has been closed discards until it ends.
func (l *lingering) Read(b []byte) (int, error) {
	for {
		n, err := l.readSome(b)
		if err != nil || !l.closed.Load() {
			return n, err
		}
	}
}

func (l *lingering) readSome(b []byte) (int, error) {
	if !direct {
		return l.TCPConn.Read(b)
	}
	return l.reading.read(b)
}

// finish is called when nobody reads any more. It returns when the peer has ended
// too, or lingerTime after Close.
func (l *lingering) finish() {
	_ = l.Close()
	_, _ = l.Read(make([]byte, 4<<10))
	l.drop()
}

// drop closes the socket at once.
func (l *lingering) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped {
		return
	}
	l.dropped = true
	l.closed.Store(true)
	l.TCPConn.Close()
	if l.timer != nil {
		l.timer.Stop()
	}
}
