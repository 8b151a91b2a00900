//go:build !(linux && (amd64 || arm64))

package ws

import (
	"errors"
	"net"
)

// poller is for Linux; elsewhere the net package does all.
type poller struct{}

type lingerer interface {
	carrier
	lingers
}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) adopt(*net.TCPConn, *conn) (lingerer, error) { return nil, errors.ErrUnsupported }

func (*poller) rescue() {}

func (*poller) close() {}
