package lib0

import "strings"

// AppendUvarint appends v in its shortest form. v must not exceed MaxSafe: Yjs clients
// cannot decode larger integers.
func AppendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendVarint appends a signed integer, given as sign and magnitude because −0 has an
// encoding of its own. magnitude must not exceed MaxSafe.
func AppendVarint(dst []byte, negative bool, magnitude uint64) []byte {
	b := byte(magnitude & 0x3f)
	if negative {
		b |= 0x40
	}
	magnitude >>= 6
	if magnitude == 0 {
		return append(dst, b)
	}
	return AppendUvarint(append(dst, b|0x80), magnitude)
}

// AppendVarBytes appends the length of b in bytes, then b.
func AppendVarBytes(dst, b []byte) []byte {
	return append(AppendUvarint(dst, uint64(len(b))), b...)
}

// AppendVarString appends the length of s in bytes, then s. Invalid UTF-8 is replaced by
// U+FFFD, because browsers refuse a whole message that contains any.
func AppendVarString(dst []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return append(AppendUvarint(dst, uint64(len(s))), s...)
}

// UvarintLen returns the number of bytes that AppendUvarint writes for v.
func UvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
