package v2

import (
	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// Update V2 keeps each field of all structs together, in a column, and writes a run of
// repeated values once. There are four column codings (npm lib0 0.2, encoding.js):
//
//	column      lib0                 encoding
//	byteRun     RleEncoder           byte, then uvarint length−1 if another run follows. The
//	                                 last run has no length and never ends
//	uintRun     UintOptRleEncoder    varint v for one v; varint −v, uvarint length−2 for
//	                                 several. −0 is a run of zeros
//	deltaRun    IntDiffOptRleEncoder d is the difference to the number before (at first to
//	                                 0): varint 2d for one number; varint 2d+1, uvarint
//	                                 length−2 for several with the same d
//	text        StringEncoder        varstring of all texts joined, then a uintRun column of
//	                                 their lengths in UTF-16 code units
//
// A column that ends too soon is refused with lib0.ErrShort; Yjs would read zeros.

// byteRunWriter writes a byteRun column.
type byteRunWriter struct {
	buf   []byte
	last  byte
	count uint64
}

func (c *byteRunWriter) write(b byte) {
	if c.count > 0 && c.last == b {
		c.count++
		return
	}
	if c.count > 0 {
		c.buf = lib0.AppendUvarint(c.buf, c.count-1)
	}
	c.buf, c.last, c.count = append(c.buf, b), b, 1
}

// uintRunWriter writes a uintRun column.
type uintRunWriter struct {
	buf         []byte
	last, count uint64
}

func (c *uintRunWriter) write(v uint64) {
	if v != c.last {
		c.flush()
		c.last = v
	}
	c.count++
}

// flush ends the last run and returns the column.
func (c *uintRunWriter) flush() []byte {
	if c.count > 0 {
		c.buf = lib0.AppendVarint(c.buf, c.count > 1, c.last)
	}
	if c.count > 1 {
		c.buf = lib0.AppendUvarint(c.buf, c.count-2)
	}
	c.count = 0
	return c.buf
}

// deltaRunWriter writes a deltaRun column.
type deltaRunWriter struct {
	buf        []byte
	last, step int64
	count      uint64
}

func (c *deltaRunWriter) write(v uint64) {
	if step := int64(v) - c.last; step != c.step {
		c.flush()
		c.step = step
	}
	c.last = int64(v)
	c.count++
}

// flush ends the last run and returns the column.
func (c *deltaRunWriter) flush() []byte {
	if c.count > 0 {
		x := 2 * c.step
		if c.count > 1 {
			x++
		}
		c.buf = lib0.AppendVarint(c.buf, x < 0, uint64(max(x, -x)))
	}
	if c.count > 1 {
		c.buf = lib0.AppendUvarint(c.buf, c.count-2)
	}
	c.count = 0
	return c.buf
}

// textWriter writes a text column. Texts must be valid UTF-8.
type textWriter struct {
	all   []byte
	units uintRunWriter
}

func (c *textWriter) write(b []byte) {
	c.all = append(c.all, b...)
	c.units.write(uint64(codec.UTF16Len(b)))
}

// writeFrom writes a text of so many UTF-16 code units from unit skip on. If that splits a
// surrogate pair, the second half becomes U+FFFD.
func (c *textWriter) writeFrom(b []byte, units, skip uint64) {
	if skip > 0 {
		at, halved := codec.UTF16Offset(b, int(units), int(skip))
		if b = b[at:]; halved {
			c.all = append(c.all, codec.Replacement...)
			b = b[4:]
		}
	}
	c.all = append(c.all, b...)
	c.units.write(units - skip)
}

// byteRunReader reads a byteRun column.
type byteRunReader struct {
	r       lib0.Reader
	last    byte
	left    uint64
	forever bool // the last run: it never ends
}

func (c *byteRunReader) read() (_ byte, err error) {
	if c.left == 0 && !c.forever {
		if c.last, err = c.r.Byte(); err != nil {
			return 0, err
		}
		if c.forever = c.r.Len() == 0; !c.forever {
			if c.left, err = c.r.Uvarint(); err != nil {
				return 0, err
			}
			c.left++
		}
	}
	if !c.forever {
		c.left--
	}
	return c.last, nil
}

// uintRunReader reads a uintRun column.
type uintRunReader struct {
	r          lib0.Reader
	last, left uint64
}

func (c *uintRunReader) read() (uint64, error) {
	if c.left == 0 {
		many, v, err := c.r.Varint()
		if err != nil {
			return 0, err
		}
		c.last, c.left = v, 1
		if many {
			n, err := c.r.Uvarint()
			if err != nil {
				return 0, err
			}
			c.left = n + 2
		}
	}
	c.left--
	return c.last, nil
}

// deltaRunReader reads a deltaRun column of numbers from 0 to codec.MaxClock; others are
// refused with codec.ErrClock.
type deltaRunReader struct {
	r          lib0.Reader
	last, step int64
	left       uint64
}

func (c *deltaRunReader) read() (uint64, error) {
	if c.left == 0 {
		x, err := readStep(&c.r)
		if err != nil {
			return 0, err
		}
		c.step, c.left = x>>1, 1
		if x&1 != 0 {
			n, err := c.r.Uvarint()
			if err != nil {
				return 0, err
			}
			c.left = n + 2
		}
	}
	c.left--
	if c.last += c.step; c.last < 0 || c.last > codec.MaxClock {
		return 0, codec.ErrClock
	}
	return uint64(c.last), nil
}

// readStep reads a varint of up to 54 bits: twice a difference of clocks, and one bit.
func readStep(r *lib0.Reader) (int64, error) {
	b, err := r.Byte()
	x, negative := uint64(b&0x3f), b&0x40 != 0
	for shift := 6; err == nil && b >= 0x80; shift += 7 {
		if shift > 48 {
			return 0, lib0.ErrOverflow
		}
		b, err = r.Byte()
		x |= uint64(b&0x7f) << shift
	}
	if negative {
		return -int64(x), err
	}
	return int64(x), err
}

// textReader reads a text column. The texts are views of the column, except texts that
// begin or end inside a surrogate pair: there each half becomes U+FFFD.
type textReader struct {
	rest   []byte
	units  int  // UTF-16 code units in rest
	halved bool // the second half of a surrogate pair precedes rest
	sizes  uintRunReader
}

func newTextReader(column []byte) (c textReader, err error) {
	r := lib0.NewReader(column)
	c.rest, err = r.VarText()
	c.units = codec.UTF16Len(c.rest)
	c.sizes.r = lib0.NewReader(r.Rest())
	return c, err
}

// read reads a text and returns its length in UTF-16 code units.
func (c *textReader) read() (_ []byte, size uint64, err error) {
	if size, err = c.sizes.read(); err != nil {
		return nil, 0, err
	}
	have := c.units
	if c.halved {
		have++
	}
	if size > uint64(have) {
		return nil, 0, lib0.ErrShort
	}
	n := int(size)
	var head []byte
	if c.halved && n > 0 {
		head, c.halved = []byte(codec.Replacement), false
		n--
	}
	at, halved := codec.UTF16Offset(c.rest, c.units, n)
	text := c.rest[:at:at]
	c.rest, c.units = c.rest[at:], c.units-n
	if head != nil {
		text = append(head, text...)
	}
	if halved {
		text = append(text, codec.Replacement...)
		c.rest, c.units, c.halved = c.rest[4:], c.units-1, true
	}
	return text, size, nil
}
