package lib0

import (
	"errors"
	"unicode/utf8"
)

// MaxSafe is the largest integer on the wire: 2^53−1, JavaScript's
// Number.MAX_SAFE_INTEGER.
const MaxSafe = 1<<53 - 1

// Errors of decoding. Callers usually wrap them with the place in the input.
var (
	ErrShort    = errors.New("lib0: input ends too soon")
	ErrOverflow = errors.New("lib0: integer beyond 2^53-1")
	ErrUTF8     = errors.New("lib0: string is not valid UTF-8")
	ErrTag      = errors.New("lib0: unknown tag of an any value")
	ErrDepth    = errors.New("lib0: value nested too deeply")
)

// Reader decodes bytes from front to back. Slices that it returns are views into the input;
// a caller that keeps one beyond the input's lifetime must copy it. After an error the
// position is unspecified. Not safe for concurrent use.
type Reader struct {
	buf []byte
	off int
}

// NewReader returns a Reader that is at the first byte of b. It does not copy b.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// Len returns the number of bytes not read yet.
func (r *Reader) Len() int { return len(r.buf) - r.off }

// Offset returns the number of bytes read so far.
func (r *Reader) Offset() int { return r.off }

// Rest returns a view of all bytes not read yet, without advancing the reader.
func (r *Reader) Rest() []byte { return r.buf[r.off:] }

// Slice returns a view of the input between two offsets, 0 ≤ from ≤ to ≤ Offset.
func (r *Reader) Slice(from, to int) []byte { return r.buf[from:to:to] }

// Byte reads one byte. Errors: ErrShort.
func (r *Reader) Byte() (byte, error) {
	if r.off >= len(r.buf) {
		return 0, ErrShort
	}
	b := r.buf[r.off]
	r.off++
	return b, nil
}

// Bytes reads exactly n bytes and returns them as a view. Errors: ErrShort.
func (r *Reader) Bytes(n int) ([]byte, error) {
	if n < 0 || n > r.Len() {
		return nil, ErrShort
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b, nil
}

// Uvarint reads an unsigned integer, 0 … MaxSafe. Errors: ErrShort, ErrOverflow.
func (r *Reader) Uvarint() (uint64, error) {
	if r.off < len(r.buf) {
		if b := r.buf[r.off]; b < 0x80 {
			r.off++
			return uint64(b), nil
		}
	}
	return r.longUvarint()
}

// longUvarint reads integers of two and more bytes. Clocks and client ids mostly take two to
// five bytes, so for those the loop is unrolled.
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

// groups reads 7-bit groups and adds them to v, the first at bit shift. It refuses integers
// of more than ten bytes, so that padding cannot make one arbitrarily long.
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

// Varint reads a signed integer as sign and magnitude. −0 and 0 differ on the wire, and
// Yjs's run-length decoders give −0 a meaning. Errors: ErrShort, ErrOverflow.
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

// Count reads the number of elements that follow. Each element takes at least minSize bytes;
// a count that the remaining input cannot hold is refused with ErrShort. With minSize ≥ 1 a
// loop over the elements is thus bounded by the size of the input.
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

// VarBytes reads length-prefixed bytes and returns them as a view. Errors: ErrShort,
// ErrOverflow.
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

// VarText reads a varstring and returns it as a view. Errors: ErrShort, ErrOverflow, ErrUTF8.
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

// VarString reads a varstring and returns it as a copy. Errors: those of VarText.
func (r *Reader) VarString() (string, error) {
	b, err := r.VarText()
	return string(b), err
}
