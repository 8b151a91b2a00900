//go:build linux && (amd64 || arm64)

package ws

import (
	"os"
	"syscall"
	"unsafe"
)

// direct: sockets of the net package do not block, so they can be read and written past it.
const direct = true

// The calls here never wait, so the scheduler is not told of them: telling it costs as
// much as a tenth of a call, and wakes its monitor, which then looks for a while what it
// may take away from whom.

// sendNow puts as much of b, which is not empty, into the kernel as it takes now.
func sendNow(fd uintptr, b []byte) int {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
		switch err {
		case 0:
			return int(n)
		case syscall.EINTR:
		default:
			return 0
		}
	}
}

// recvNow reads what is there, at most len(b) bytes, which is not 0. again: there is
// nothing yet. n is 0 at the end of the stream.
func recvNow(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			syscall.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("recvfrom", errno)
		}
	}
}
