//go:build linux && (amd64 || arm64)

package ws

import (
	"syscall"
	"unsafe"
)

// canSend: sockets of the net package do not block.
const canSend = true

// sendNow puts as much of b, which is not empty, into the kernel as it takes now. The
// call never waits, so the scheduler is not told of it: telling it costs as much
// as a tenth of the call, and its monitor takes the processor away meanwhile.
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
