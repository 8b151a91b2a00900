//go:build linux && (amd64 || arm64)

package netpoll

import (
	"os"
	"syscall"
	"unsafe"
)

// The system calls in this file never block, so they are raw: Go's scheduler is not told
// of them. Telling it costs a tenth of a call and wakes its monitor thread, which took
// 5 % of all CPU by itself.

// sendNow sends as much of b, which must not be empty, as the kernel takes without
// blocking. n is 0 without an error if the kernel takes nothing now.
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

// receiveNow receives what the kernel has, at most len(b) bytes, which must not be 0.
// blocks is true if there is nothing yet. n is 0 without blocks and an error at the end
// of the stream.
func receiveNow(fd int, b []byte) (n int, blocks bool, err error) {
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

// epollNow returns the number of events of an epoll that it has put into events, 0 if
// there are none now.
func epollNow(epoll uintptr, events []syscall.EpollEvent) (int, error) {
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

// duplicate returns a second descriptor of fd's socket.
func duplicate(fd uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(n), nil
}
