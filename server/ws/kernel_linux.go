//go:build linux && (amd64 || arm64)

package ws

import (
	"os"
	"syscall"
	"unsafe"
)

// The calls here never wait, so the scheduler is not told of them: telling it costs as
// much as a tenth of a call, and wakes its monitor, which then looks for a while what it
// may take away from whom.

// sendNow puts as much of b, which is not empty, into the kernel as it takes now: none of
// it if n is 0 and there is no error.
func sendNow(fd int, b []byte) (n int, err error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, os.NewSyscallError("sendto", errno)
		}
	}
}

// recvNow reads what is there, at most len(b) bytes, which is not 0. again: there is
// nothing yet. n is 0 at the end of the stream.
func recvNow(fd int, b []byte) (n int, again bool, err error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
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

// eventsNow returns what has happened to the sockets of an epoll, nothing if nothing has.
func eventsNow(epoll uintptr, events []syscall.EpollEvent) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError("epoll_pwait", errno)
		}
	}
}
