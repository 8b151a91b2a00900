package codec

import (
	"encoding/binary"
	"unicode/utf8"
)

// Replacement is U+FFFD, which replaces each half of a surrogate pair that was split, as in
// Yjs. Like the half, it is one UTF-16 unit.
const Replacement = "\uFFFD"

// UTF16Len returns the number of UTF-16 units of valid UTF-8: one for each character, two
// for characters above U+FFFF, which take four bytes in UTF-8.
func UTF16Len(b []byte) int {
	n := 0
	for len(b) >= 8 && binary.LittleEndian.Uint64(b)&0x8080808080808080 == 0 { // ASCII
		n += 8
		b = b[8:]
	}
	for _, c := range b {
		if c&0xc0 != 0x80 { // not a continuation byte
			n++
			if c >= 0xf0 {
				n++
			}
		}
	}
	return n
}

// UTF16Offset returns the byte offset of a UTF-16 unit, counted from 0, in valid UTF-8 of units
// UTF-16 units in total. If the unit is the second half of a surrogate pair, halved is true
// and offset is where the four bytes of the pair start.
func UTF16Offset(b []byte, units, unit int) (offset int, halved bool) {
	if units == len(b) { // all ASCII
		return unit, false
	}
	for unit > 0 {
		switch c := b[offset]; {
		case c < utf8.RuneSelf:
			offset++
		case c < 0xe0:
			offset += 2
		case c < 0xf0:
			offset += 3
		case unit == 1:
			return offset, true
		default:
			offset += 4
			unit--
		}
		unit--
	}
	return offset, false
}
