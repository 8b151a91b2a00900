package lib0

import "strings"

// AppendUvarint appends v in its shortest form. v above MaxSafe is the caller's
// mistake: no Yjs peer can read it back.
func AppendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendVarint appends a signed integer given as sign and magnitude.
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

// AppendVarBytes appends the length of b and b.
func AppendVarBytes(dst, b []byte) []byte {
	return append(AppendUvarint(dst, uint64(len(b))), b...)
}

// AppendVarString appends the byte length of s and s. Bytes that are not UTF-8
// become U+FFFD, since one of them makes every browser refuse the message.
func AppendVarString(dst []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return append(AppendUvarint(dst, uint64(len(s))), s...)
}

// UvarintLen is the number of bytes AppendUvarint writes for v.
func UvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
