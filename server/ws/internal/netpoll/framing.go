package netpoll

import "encoding/binary"

// The head of a frame that a client sends (RFC 6455, 5.2), 6 to 14 bytes:
//
//	┌─────┬──────────┬──────┬────────────┬───────────────────┬──────┐
//	│ fin │ 3 bits 0 │ op-  │ masked = 1 │ length 0–125, or  │ mask │ payload, XORed with
//	│ bit │          │ code │ 1 bit      │ 126 + 2 bytes, or │ 4    │ the mask
//	│     │          │ 4 b. │            │ 127 + 8 bytes     │ bytes│
//	└─────┴──────────┴──────┴────────────┴───────────────────┴──────┘
//
// The head of a frame that a server sends has no mask and so at most 10 bytes.
const (
	finBit        = 0x80
	maskBit       = 0x80
	opcodeMask    = 0x0f
	opcodeBinary  = 0x2
	opcodeClose   = 0x8
	opcodeControl = 0x8 // this bit is set in control frames: close, ping, pong

	maskBytes     = 4
	maxClientHead = 14 // bytes
	maxServerHead = 10 // bytes
)

// frameTracker tracks where the frames that a client sends begin and end. It does not
// validate them: the WebSocket library does. The zero value expects a first frame.
type frameTracker struct {
	payloadLeft uint64 // bytes of the current frame's payload that have not come yet
	inMessage   bool   // the message continues in another frame
	headLen     uint8  // bytes of an incomplete head, in head
	head        [maxClientHead]byte
}

// atMessageStart reports whether the next byte is the first of a message.
func (t *frameTracker) atMessageStart() bool {
	return t.payloadLeft == 0 && t.headLen == 0 && !t.inMessage
}

// advance tracks the bytes b, the next that the client has sent.
func (t *frameTracker) advance(b []byte) {
	for len(b) > 0 {
		if t.payloadLeft > 0 {
			n := min(t.payloadLeft, uint64(len(b)))
			t.payloadLeft -= n
			b = b[n:]
			continue
		}
		t.head[t.headLen] = b[0]
		t.headLen++
		b = b[1:]
		if t.headLen < 2 || int(t.headLen) < clientHeadSize(t.head[1]) {
			continue
		}
		if t.head[0]&opcodeControl == 0 { // a control frame may come within a message
			t.inMessage = t.head[0]&finBit == 0
		}
		t.payloadLeft = clientPayloadSize(t.head[:])
		t.headLen = 0
	}
}

// clientHeadSize returns the size in bytes of a head whose second byte is b.
func clientHeadSize(b byte) int {
	n := 2
	switch b &^ maskBit {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b&maskBit != 0 {
		n += maskBytes
	}
	return n
}

func clientPayloadSize(head []byte) uint64 {
	switch n := head[1] &^ maskBit; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}

// wholeMessage returns the payload, still masked, and the size in bytes of the frame at
// the front of b, if that is complete and a binary message in one frame. Otherwise size
// is 0.
func wholeMessage(b []byte) (payload []byte, mask [maskBytes]byte, size int) {
	if len(b) < 2 || b[0] != finBit|opcodeBinary || b[1]&maskBit == 0 {
		return nil, mask, 0
	}
	head := clientHeadSize(b[1])
	if len(b) < head {
		return nil, mask, 0
	}
	n := clientPayloadSize(b)
	if n > uint64(len(b)-head) {
		return nil, mask, 0
	}
	copy(mask[:], b[head-maskBytes:])
	size = head + int(n)
	return b[head:size], mask, size
}

// unmask returns a copy of a payload without its mask.
func unmask(payload []byte, mask [maskBytes]byte) []byte {
	out := make([]byte, len(payload))
	word := uint64(binary.LittleEndian.Uint32(mask[:]))
	word |= word << 32
	i := 0
	for ; i+8 <= len(out); i += 8 {
		binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(payload[i:])^word)
	}
	for ; i < len(out); i++ {
		out[i] = payload[i] ^ mask[i%maskBytes]
	}
	return out
}

// handleMessages passes the messages at the front of b to h until there is no whole one,
// or h refuses one, and returns the bytes from there on.
func handleMessages(h Handler, b []byte) (rest []byte) {
	for len(b) > 0 {
		payload, mask, size := wholeMessage(b)
		if size == 0 || !h.TryHandle(unmask(payload, mask)) {
			return b
		}
		b = b[size:]
	}
	return nil
}

// appendServerHead appends the head of a binary message of n bytes to dst.
func appendServerHead(dst []byte, n int) []byte {
	dst = append(dst, finBit|opcodeBinary)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// serverFrame returns the opcode, and the size in bytes with its head, of the frame to a
// client that b begins with. b has at least the whole head.
func serverFrame(b []byte) (opcode, size int) {
	opcode, size = int(b[0]&opcodeMask), int(b[1])
	switch size {
	case 126:
		size = 4 + int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		size = 10 + int(binary.BigEndian.Uint64(b[2:]))
	default:
		size += 2
	}
	return opcode, size
}
