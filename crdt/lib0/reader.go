package lib0

import (
	"errors"
	"unicode/utf8"
)

// MaxSafe is the largest integer on the wire: 2^53−1, the last one JavaScript
// counts without error.
const MaxSafe = 1<<53 - 1

// Reasons why bytes are refused. They arrive wrapped by whoever knows the place.
var (
	ErrShort    = errors.New("lib0: input ends too soon")
	ErrOverflow = errors.New("lib0: integer beyond 2^53-1")
	ErrUTF8     = errors.New("lib0: string is not valid UTF-8")
	ErrTag      = errors.New("lib0: unknown tag of an any value")
	ErrDepth    = errors.New("lib0: value nested too deeply")
)

// Reader walks over encoded bytes. Slices it returns are views into the input:
// copy what must outlive it. After an error the position is unspecified.
// Not for concurrent use.
type Reader struct {
	buf []byte
	off int
}

// NewReader starts at the first byte of b.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// Len is the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.buf) - r.off }

// Offset is the number of bytes read so far.
func (r *Reader) Offset() int { return r.off }

// Rest is a view of everything not yet read; it does not move the reader.
func (r *Reader) Rest() []byte { return r.buf[r.off:] }

// Slice is a view of the input between two offsets, both at most Offset.
func (r *Reader) Slice(from, to int) []byte { return r.buf[from:to:to] }

// Byte reads one byte.
func (r *Reader) Byte() (byte, error) {
	if r.off >= len(r.buf) {
		return 0, ErrShort
	}
	b := r.buf[r.off]
	r.off++
	return b, nil
}

// Bytes reads exactly n bytes as a view.
func (r *Reader) Bytes(n int) ([]byte, error) {
	if n < 0 || n > r.Len() {
		return nil, ErrShort
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b, nil
}

// Uvarint reads an unsigned integer, 0 … MaxSafe.
func (r *Reader) Uvarint() (uint64, error) {
	if r.off < len(r.buf) {
		if b := r.buf[r.off]; b < 0x80 {
			r.off++
			return uint64(b), nil
		}
	}
	return r.longUvarint()
}

// longUvarint takes clocks and client ids of two to five bytes in few steps.
func (r *Reader) longUvarint() (uint64, error) {
	b := r.buf[r.off:]
	if len(b) < 5 {
		return r.groups(0, 0)
	}
	v := uint64(b[0]&0x7f) | uint64(b[1]&0x7f)<<7
	if b[1] < 0x80 {
		r.off += 2
		return v, nil
	}
	v |= uint64(b[2]&0x7f) << 14
	if b[2] < 0x80 {
		r.off += 3
		return v, nil
	}
	v |= uint64(b[3]&0x7f) << 21
	if b[3] < 0x80 {
		r.off += 4
		return v, nil
	}
	v |= uint64(b[4]&0x7f) << 28
	r.off += 5
	if b[4] < 0x80 {
		return v, nil
	}
	return r.groups(v, 35)
}

// groups reads 7-bit groups and adds them to v from bit shift upwards. It stops
// at ten bytes, so that padding cannot make one integer arbitrarily long.
func (r *Reader) groups(v uint64, shift uint) (uint64, error) {
	for ; shift < 70; shift += 7 {
		if r.off >= len(r.buf) {
			return 0, ErrShort
		}
		b := r.buf[r.off]
		r.off++
		group := uint64(b & 0x7f)
		if shift >= 53 && group != 0 {
			return 0, ErrOverflow
		}
		if shift < 64 {
			v |= group << shift
		}
		if b < 0x80 {
			if v > MaxSafe {
				return 0, ErrOverflow
			}
			return v, nil
		}
	}
	return 0, ErrOverflow
}

// Varint reads a signed integer as sign and magnitude, because −0 and 0 differ
// on the wire and Yjs's run-length coders give −0 a meaning.
func (r *Reader) Varint() (negative bool, magnitude uint64, err error) {
	b, err := r.Byte()
	if err != nil {
		return false, 0, err
	}
	negative, magnitude = b&0x40 != 0, uint64(b&0x3f)
	if b >= 0x80 {
		magnitude, err = r.groups(magnitude, 6)
	}
	return negative, magnitude, err
}

// Count reads the number of elements that follow, each at least minSize bytes
// long, and refuses what cannot fit into the rest of the input. With minSize ≥ 1
// the result is safe to loop to.
func (r *Reader) Count(minSize int) (int, error) {
	n, err := r.Uvarint()
	if err != nil {
		return 0, err
	}
	if n*uint64(minSize) > uint64(r.Len()) { // no overflow: n < 2^53
		return 0, ErrShort
	}
	return int(n), nil
}

// VarBytes reads a length-prefixed run of bytes as a view.
func (r *Reader) VarBytes() ([]byte, error) {
	n, err := r.Uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(r.Len()) {
		return nil, ErrShort
	}
	return r.Bytes(int(n))
}

// VarText reads a varstring as a view of its UTF-8, checked to be valid.
func (r *Reader) VarText() ([]byte, error) {
	b, err := r.VarBytes()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, ErrUTF8
	}
	return b, nil
}

// VarString reads a varstring into a string of its own, checked to be valid UTF-8.
func (r *Reader) VarString() (string, error) {
	b, err := r.VarText()
	return string(b), err
}
