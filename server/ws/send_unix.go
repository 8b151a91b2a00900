//go:build unix && !(linux && (amd64 || arm64))

package ws

import "syscall"

// canSend: sockets of the net package do not block.
const canSend = true

// sendNow puts as much of b, which is not empty, into the kernel as it takes now.
func sendNow(fd uintptr, b []byte) int {
	for {
		n, err := syscall.Write(int(fd), b)
		if err != syscall.EINTR {
			return max(n, 0)
		}
	}
}
