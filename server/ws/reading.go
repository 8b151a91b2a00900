package ws

import (
	"io"
	"net"
	"syscall"
)

// reading reads from a socket as net.TCPConn does, with cheaper calls (see recvNow).
// One goroutine at a time uses it.
type reading struct {
	raw  syscall.RawConn
	recv func(fd uintptr) bool // to waits
	to   []byte
	n    int
	err  error
}

func (r *reading) begin(raw syscall.RawConn) {
	r.raw = raw
	r.recv = func(fd uintptr) bool {
		var again bool
		r.n, again, r.err = recvNow(fd, r.to)
		return !again
	}
}

// read waits for something, or for the deadline.
func (r *reading) read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.to, r.n, r.err = b, 0, nil
	err := r.raw.Read(r.recv)
	r.to = nil
	switch {
	case err != nil:
		return 0, err
	case r.err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: r.err}
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}
