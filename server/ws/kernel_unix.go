//go:build unix && !(linux && (amd64 || arm64))

package ws

import (
	"os"
	"syscall"
)

// direct: sockets of the net package do not block, so they can be read and written past it.
const direct = true

// sendNow puts as much of b, which is not empty, into the kernel as it takes now.
func sendNow(fd uintptr, b []byte) int {
	for {
		n, err := syscall.Write(int(fd), b)
		if err != syscall.EINTR {
			return max(n, 0)
		}
	}
}

// recvNow reads what is there, at most len(b) bytes, which is not 0. again: there is
// nothing yet. n is 0 at the end of the stream.
func recvNow(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("read", err)
		}
	}
}
