//go:build !unix

package ws

import "syscall"

const canTry = false

func writeNow(uintptr, []byte) (int, error) { return 0, syscall.EAGAIN }
