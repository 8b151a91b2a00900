package ws

import "encoding/binary"

// framing follows where the frames of a client begin and end (RFC 6455, 5.2). It does
// not judge them: that is gorilla's.
type framing struct {
	left  uint64 // bytes still to come of a frame
	parts bool   // the message goes on in another frame
	have  uint8  // bytes of a head that has not come whole
	head  [longestHead]byte
}

const (
	// readMost is how much is read from a socket at a time, where that is ours to say.
	readMost    = 16 << 10
	longestHead = 14 // of a client's frame
	masked      = 0x80
	final       = 0x80
	maskBytes   = 4
)

// between tells whether the next byte begins a message.
func (f *framing) between() bool { return f.left == 0 && f.have == 0 && !f.parts }

// pass goes on by what has come.
func (f *framing) pass(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(b)))
			f.left -= n
			b = b[n:]
			continue
		}
		f.head[f.have] = b[0]
		f.have++
		b = b[1:]
		if f.have < 2 || int(f.have) < headSize(f.head[1]) {
			continue
		}
		const control = 0x8
		if f.head[0]&control == 0 {
			f.parts = f.head[0]&final == 0
		}
		f.left = payloadSize(f.head[:])
		f.have = 0
	}
}

// headSize is how long a head is whose second byte is b.
func headSize(b byte) int {
	n := 2
	switch b &^ masked {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b&masked != 0 {
		n += maskBytes
	}
	return n
}

func payloadSize(head []byte) uint64 {
	switch n := head[1] &^ masked; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}

// plainFrame returns the payload, still masked, and the size of the frame that b begins
// with, if that is whole and a binary message by itself; otherwise the size is 0.
func plainFrame(b []byte) (payload []byte, key [maskBytes]byte, size int) {
	const binaryMessage = final | 0x2
	if len(b) < 2 || b[0] != binaryMessage || b[1]&masked == 0 {
		return nil, key, 0
	}
	head := headSize(b[1])
	if len(b) < head {
		return nil, key, 0
	}
	n := payloadSize(b)
	if n > uint64(len(b)-head) {
		return nil, key, 0
	}
	copy(key[:], b[head-maskBytes:])
	size = head + int(n)
	return b[head:size], key, size
}

// unmasked returns a copy of a payload without its mask.
func unmasked(payload []byte, key [maskBytes]byte) []byte {
	out := make([]byte, len(payload))
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	i := 0
	for ; i+8 <= len(out); i += 8 {
		binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(payload[i:])^word)
	}
	for ; i < len(out); i++ {
		out[i] = payload[i] ^ key[i%maskBytes]
	}
	return out
}
