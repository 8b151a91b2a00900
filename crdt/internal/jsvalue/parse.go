package jsvalue

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"weft/crdt/lib0"
)

// Parser converts JSON texts to lib0 any values, as JSON.parse followed by lib0's
// writeAny does.
type Parser struct {
	in      []byte // the rest of the text
	dst     []byte
	members []member // of the objects that are open
}

// Append appends a JSON text to dst as an any value. The caller has validated the text and
// its depth, so an error means that the two checks disagree.
func (c *Parser) Append(dst, text []byte) ([]byte, error) {
	c.in, c.dst, c.members = text, dst, c.members[:0]
	err := c.value(lib0.MaxDepth)
	if c.skipSpace(); err == nil && len(c.in) > 0 {
		err = ErrJSON
	}
	return c.dst, err
}

// skipSpace skips white space and returns the byte behind it, 0 at the end of the text.
func (c *Parser) skipSpace() byte {
	for len(c.in) > 0 {
		switch b := c.in[0]; b {
		case ' ', '\t', '\n', '\r':
			c.in = c.in[1:]
		default:
			return b
		}
	}
	return 0
}

// consume skips text and returns true if the input continues with it.
func (c *Parser) consume(text string) bool {
	if len(c.in) < len(text) || string(c.in[:len(text)]) != text {
		return false
	}
	c.in = c.in[len(text):]
	return true
}

func (c *Parser) value(depth int) error {
	switch b := c.skipSpace(); {
	case b == '"':
		c.dst = append(c.dst, lib0.TagString)
		_, err := c.text()
		return err
	case b == '[', b == '{':
		if depth == 0 {
			return lib0.ErrDepth
		}
		if b == '[' {
			return c.array(depth - 1)
		}
		return c.object(depth - 1)
	case c.consume("true"):
		c.dst = append(c.dst, lib0.TagTrue)
	case c.consume("false"):
		c.dst = append(c.dst, lib0.TagFalse)
	case c.consume("null"):
		c.dst = append(c.dst, lib0.TagNull)
	default:
		return c.number()
	}
	return nil
}

func (c *Parser) number() error {
	n := 0
	for n < len(c.in) {
		if b := c.in[n]; (b < '0' || b > '9') && b != '-' && b != '+' && b != '.' && b != 'e' && b != 'E' {
			break
		}
		n++
	}
	f, err := strconv.ParseFloat(string(c.in[:n]), 64) // too large numbers become infinite, as in JavaScript
	if err != nil && !math.IsInf(f, 0) {
		return ErrJSON
	}
	c.in = c.in[n:]
	c.dst, err = lib0.AppendAny(c.dst, f)
	return err
}

// text converts a string to a varstring and returns the varstring's length in bytes,
// without its length prefix.
func (c *Parser) text() (size int, err error) {
	c.in = c.in[1:]
	at := len(c.dst)
	for {
		n := bytes.IndexAny(c.in, "\"\\")
		if n < 0 {
			return 0, ErrJSON
		}
		c.dst = append(c.dst, c.in[:n]...)
		quote := c.in[n] == '"'
		c.in = c.in[n+1:]
		if quote {
			size = len(c.dst) - at
			c.dst = InsertUvarint(c.dst, at, size)
			return size, nil
		}
		if err := c.escape(); err != nil {
			return 0, err
		}
	}
}

// escape converts the escape sequence behind a backslash. A surrogate without its other half
// becomes U+FFFD.
func (c *Parser) escape() error {
	if len(c.in) == 0 {
		return ErrJSON
	}
	b := c.in[0]
	c.in = c.in[1:]
	switch b {
	case '"', '\\', '/':
	case 'b':
		b = '\b'
	case 'f':
		b = '\f'
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'u':
		unit, ok := c.hexUnit()
		if !ok {
			return ErrJSON
		}
		if utf16.IsSurrogate(unit) {
			rest := c.in
			low := rune(0)
			if c.consume(`\u`) {
				low, _ = c.hexUnit()
			}
			if unit = utf16.DecodeRune(unit, low); unit == utf8.RuneError {
				c.in = rest // the second escape may start a pair of its own
			}
		}
		c.dst = utf8.AppendRune(c.dst, unit)
		return nil
	default:
		return ErrJSON
	}
	c.dst = append(c.dst, b)
	return nil
}

// hexUnit reads four hexadecimal digits.
func (c *Parser) hexUnit() (rune, bool) {
	if len(c.in) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(c.in[:4]), 16, 16)
	c.in = c.in[4:]
	return rune(n), err == nil
}

// next skips a comma, or the end of an array or object, and reports whether it was a
// comma.
func (c *Parser) next(end string) (more bool, err error) {
	c.skipSpace()
	if c.consume(end) {
		return false, nil
	}
	if !c.consume(",") {
		return false, ErrJSON
	}
	return true, nil
}

func (c *Parser) array(depth int) (err error) {
	c.in = c.in[1:]
	c.dst = append(c.dst, lib0.TagArray)
	at, n := len(c.dst), 0
	if c.skipSpace(); c.consume("]") {
		c.dst = append(c.dst, 0)
		return nil
	}
	for more := true; more; n++ {
		if err = c.value(depth); err != nil {
			return err
		}
		if more, err = c.next("]"); err != nil {
			return err
		}
	}
	c.dst = InsertUvarint(c.dst, at, n)
	return nil
}

// object writes the members in the order of the text. If JavaScript orders them differently,
// it then writes them again in that order.
func (c *Parser) object(depth int) error {
	c.in = c.in[1:]
	c.dst = append(c.dst, lib0.TagObject)
	at, first := len(c.dst), len(c.members)
	if c.skipSpace(); c.consume("}") {
		c.dst = append(c.dst, 0)
		return nil
	}
	for more := true; more; {
		if c.skipSpace() != '"' {
			return ErrJSON
		}
		m := member{from: uint32(len(c.dst))}
		size, err := c.text()
		if err != nil {
			return err
		}
		m.keyTo = uint32(len(c.dst))
		m.keyFrom = m.keyTo - uint32(size)
		if c.skipSpace(); !c.consume(":") {
			return ErrJSON
		}
		if err = c.value(depth); err != nil {
			return err
		}
		m.to = uint32(len(c.dst))
		c.members = append(c.members, m)
		if more, err = c.next("}"); err != nil {
			return err
		}
	}
	ms, changed := orderMembers(c.members[first:], c.dst)
	if changed {
		end := len(c.dst)
		for _, m := range ms {
			c.dst = append(c.dst, c.dst[m.from:m.to]...)
		}
		c.dst = c.dst[:at+copy(c.dst[at:], c.dst[end:])]
	}
	c.members = c.members[:first]
	c.dst = InsertUvarint(c.dst, at, len(ms))
	return nil
}
