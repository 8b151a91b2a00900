// Package netpolltest makes the bytes that WebSocket clients send, for tests.
package netpolltest

import (
	"encoding/binary"
	"math/rand/v2"
)

// First bytes of a frame (RFC 6455, 5.2).
const (
	Fin          = 0x80
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	Ping         = 0x9
)

// ClientFrame returns a frame with a random mask. first is its first byte, the opcode
// with or without Fin.
func ClientFrame(first byte, payload []byte) []byte {
	const masked = 0x80
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, masked|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, masked|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	mask := rand.Uint32()
	f = binary.LittleEndian.AppendUint32(f, mask)
	for i, b := range payload {
		f = append(f, b^byte(mask>>(8*(i%4))))
	}
	return f
}

// Message returns a whole binary message in one frame.
func Message(payload []byte) []byte { return ClientFrame(Fin|Binary, payload) }
