package jsvalue

import "weft/crdt/lib0"

// Grow makes room for n more bytes. The capacity at least doubles, so that all buffers
// together take no more than four times the bytes that are written in the end.
func Grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, max(2*cap(dst), len(dst)+n, 64)), dst...)
}

// InsertUvarint inserts the uvarint n at dst[at:], in front of the bytes written there.
func InsertUvarint(dst []byte, at, n int) []byte {
	size := lib0.UvarintLen(uint64(n))
	dst = append(dst, make([]byte, size)...)
	copy(dst[at+size:], dst[at:])
	lib0.AppendUvarint(dst[:at], uint64(n))
	return dst
}
