package ws

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// lingers is a socket that, when it is closed, says so to its peer and then reads
// on for a moment, and passes on nothing of that. A socket that is closed with bytes
// unread is reset instead, and most systems then drop what the peer has not read yet:
// the close code, and acks before it.
type lingers interface {
	// ended tells whether it has been closed.
	ended() bool
	// drop closes it at once.
	drop()
	// finish is called when nobody reads any more. It returns when the peer has
	// ended too, or lingerTime after Close.
	finish()
	// lapse ends a Read whose deadline has passed, unless the deadline does so itself.
	lapse(now time.Time)
}

// carrier is what the network looks like to Melody and gorilla, and knows whose it is.
type carrier interface {
	net.Conn
	carries() *conn
}

// carried is one that is not a socket of ours.
type carried struct {
	net.Conn
	of *conn
}

func (c carried) carries() *conn { return c.of }

// hijacker gives the upgrader a carrier that lingers.
type hijacker struct {
	http.ResponseWriter
	conn *conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return carried{c, h.conn}, rw, nil
	}
	if p := h.conn.door.poller; p != nil {
		s, err := p.adopt(tcp, h.conn)
		if err == nil {
			h.conn.lingers = s
			return s, rw, nil
		}
		h.conn.log().Warn("a connection has a socket that is slower than others", "err", err)
	}
	l := &lingering{TCPConn: tcp}
	h.conn.lingers = l
	return carried{l, h.conn}, rw, nil
}

// lingering is a socket of the net package that lingers.
type lingering struct {
	*net.TCPConn
	closed atomic.Bool

	mu      sync.Mutex
	dropped bool
	timer   *time.Timer // drops it; nil before Close
}

// lingerTime is how long the peer may take to answer a close: longer than a round
// trip, and short against what a stopping server may take.
const lingerTime = 2 * time.Second

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
		n, err := l.TCPConn.Read(b)
		if err != nil || !l.closed.Load() {
			return n, err
		}
	}
}

func (l *lingering) finish() {
	_ = l.Close()
	_, _ = l.Read(make([]byte, 4<<10))
	l.drop()
}

func (l *lingering) ended() bool { return l.closed.Load() }

func (*lingering) lapse(time.Time) {}

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
