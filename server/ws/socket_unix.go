//go:build unix

package ws

import "syscall"

// canTry: sockets of the net package do not block.
const canTry = true

func writeNow(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
