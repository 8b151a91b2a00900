//go:build !unix

package ws

import "errors"

const direct = false

func sendNow(uintptr, []byte) int { return 0 }

func recvNow(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }
