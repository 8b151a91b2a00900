//go:build !(linux && (amd64 || arm64))

package netpoll

import (
	"errors"
	"log/slog"
	"net"
)

// poller does not exist on this system; see poller_linux.go.
type poller struct{}

func newPoller(*slog.Logger) (*poller, error)           { return nil, errors.ErrUnsupported }
func (*poller) isRunning() bool                         { return false }
func (*poller) add(*net.TCPConn, Handler) (Conn, error) { return nil, errors.ErrUnsupported }
func (*poller) checkStalled()                           {}
func (*poller) close()                                  {}
