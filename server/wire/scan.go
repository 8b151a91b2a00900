package wire

import (
	"encoding/binary"
	"fmt"
)

// MaxDepth is how many levels deep arrays and maps may nest in an event.
const MaxDepth = 16

// Scan checks that b is exactly one msgpack value, that every length in it fits
// into the bytes that follow, and that arrays and maps nest at most maxDepth
// levels deep; maxDepth is at most 63. It allocates nothing and takes time linear
// in len(b). Errors wrap ErrFrame.
//
// It runs before every use of the msgpack library, which allocates as much as a
// length claims and recurses as deep as the value nests (vmihailenco/msgpack
// issues 376 and 401). Extension types are refused, since Weft uses none.
func Scan(b []byte, maxDepth int) error {
	if maxDepth > scanStack-1 {
		return fmt.Errorf("wire: scan: depth %d, the limit is %d", maxDepth, scanStack-1)
	}
	// left[d] is how many values have not been scanned yet at nesting depth d.
	var left [scanStack]uint64
	depth := 0
	left[0] = 1
	i := 0
	for {
		for left[depth] == 0 {
			if depth == 0 {
				if i != len(b) {
					return fmt.Errorf("%w: msgpack: %d bytes after the end", ErrFrame, len(b)-i)
				}
				return nil
			}
			depth--
		}
		left[depth]--
		head, values, skip, err := scanHead(b[i:])
		if err != nil {
			return err
		}
		i += head
		if rest := uint64(len(b) - i); skip > rest || values > rest {
			return fmt.Errorf("%w: msgpack: a length at byte %d exceeds the frame", ErrFrame, i-head)
		}
		i += int(skip)
		if values > 0 {
			if depth == maxDepth {
				return fmt.Errorf("%w: msgpack: nested deeper than %d", ErrFrame, maxDepth)
			}
			depth++
			left[depth] = values
		}
	}
}

const scanStack = 64

// scanHead reads the head of the value at the start of b. head is the head's
// length in bytes, values how many values an array or a map contains, and skip how
// many bytes of content follow the head of a string or binary value.
func scanHead(b []byte) (head int, values, skip uint64, err error) {
	if len(b) == 0 {
		return 0, 0, 0, fmt.Errorf("%w: msgpack: the value is cut short", ErrFrame)
	}
	c := b[0]
	switch {
	case c <= 0x7f || c >= 0xe0: // fixint
		return 1, 0, 0, nil
	case c <= 0x8f: // fixmap
		return 1, 2 * uint64(c&0x0f), 0, nil
	case c <= 0x9f: // fixarray
		return 1, uint64(c & 0x0f), 0, nil
	case c <= 0xbf: // fixstr
		return 1, 0, uint64(c & 0x1f), nil
	}
	switch c {
	case 0xc0, 0xc2, 0xc3: // nil, false, true
		return 1, 0, 0, nil
	case 0xcc, 0xd0: // 8-bit integers
		return 1, 0, 1, nil
	case 0xcd, 0xd1: // 16-bit integers
		return 1, 0, 2, nil
	case 0xce, 0xd2, 0xca: // 32-bit integers, float32
		return 1, 0, 4, nil
	case 0xcf, 0xd3, 0xcb: // 64-bit integers, float64
		return 1, 0, 8, nil
	}
	size := 0
	switch c {
	case 0xc4, 0xd9: // bin8, str8
		size = 1
	case 0xc5, 0xda, 0xdc, 0xde: // bin16, str16, array16, map16
		size = 2
	case 0xc6, 0xdb, 0xdd, 0xdf: // bin32, str32, array32, map32
		size = 4
	default:
		return 0, 0, 0, fmt.Errorf("%w: msgpack: byte %#02x is not allowed here", ErrFrame, c)
	}
	if len(b) < 1+size {
		return 0, 0, 0, fmt.Errorf("%w: msgpack: the value is cut short", ErrFrame)
	}
	var n uint64
	switch size {
	case 1:
		n = uint64(b[1])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b[1:]))
	}
	switch c {
	case 0xdc, 0xdd:
		return 1 + size, n, 0, nil
	case 0xde, 0xdf:
		return 1 + size, 2 * n, 0, nil
	}
	return 1 + size, 0, n, nil
}
