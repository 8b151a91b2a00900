package netpoll

import (
	"errors"
	"log/slog"
	"net"
	"sync"
)

// Mode says whether connections are polled.
type Mode string

const (
	// ModeAuto polls connections where epoll is supported: TCP on Linux, amd64 or arm64.
	ModeAuto Mode = "auto"
	// ModeOff leaves all connections to the net package.
	ModeOff Mode = "off"
)

// Options of a Transport.
type Options struct {
	Mode Mode         // empty: ModeAuto
	Log  *slog.Logger // required

	start func(*slog.Logger) (*poller, error) // nil: newPoller; for tests
}

// Transport makes the Conns of a server. It is safe for concurrent use.
type Transport struct {
	log    *slog.Logger
	poller *poller   // nil: connections are not polled
	warn   sync.Once // a connection could not be polled
}

// New returns a Transport and starts its poller; Close ends it. If the poller cannot be
// started, New logs why and returns a Transport that does without.
func New(o Options) *Transport {
	t := &Transport{log: o.Log}
	if o.Mode == ModeOff {
		return t
	}
	start := o.start
	if start == nil {
		start = newPoller
	}
	p, err := start(o.Log)
	switch {
	case err == nil:
		t.poller = p
	case !errors.Is(err, errors.ErrUnsupported):
		o.Log.Warn("netpoll: epoll cannot be used; connections use the net package and cost more CPU", "err", err)
	}
	return t
}

// IsPolling reports whether new connections over TCP are polled. It is false in mode
// off, where epoll is not supported, and after epoll has failed.
func (t *Transport) IsPolling() bool { return t.poller != nil && t.poller.isRunning() }

// Wrap returns the Conn of a connection that net/http has handed over. The connection
// belongs to the Conn from then on. Messages are offered to h, from the first call of
// Read on.
func (t *Transport) Wrap(c net.Conn, h Handler) Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return &plainConn{Conn: c, handler: h}
	}
	if t.IsPolling() {
		polled, err := t.poller.add(tcp, h)
		if err == nil {
			return polled
		}
		if t.IsPolling() { // otherwise its failure has been logged
			t.warn.Do(func() {
				t.log.Warn("netpoll: a connection cannot be polled and uses the net package; further ones are not logged", "err", err)
			})
		}
	}
	return &lingerConn{TCPConn: tcp, handler: h}
}

// CheckStalled starts another poller goroutine if those that run have made no progress
// since the last call, because the handlers they called have not returned. The caller
// calls it every few seconds.
func (t *Transport) CheckStalled() {
	if t.poller != nil {
		t.poller.checkStalled()
	}
}

// Close ends the poller and waits for its goroutines. All connections must have been
// closed before.
func (t *Transport) Close() {
	if t.poller != nil {
		t.poller.close()
	}
}
