package jsvalue

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"weft/crdt/lib0"
)

// Stringifier converts lib0 any values to JSON texts, as JSON.stringify does.
type Stringifier struct {
	r       lib0.Reader
	dst     []byte
	members []member // of the objects that are open
}

// Append reads the any value at r and appends it to dst as a JSON text. Values for which
// JSON.stringify has no text are refused with ErrJSON: bigint, and undefined at top level.
func (c *Stringifier) Append(dst []byte, r *lib0.Reader) ([]byte, error) {
	c.r, c.dst, c.members = *r, dst, c.members[:0]
	start := len(dst)
	err := c.value(lib0.MaxDepth)
	if err == nil && len(c.dst) == start {
		err = ErrJSON
	}
	*r = c.r
	return c.dst, err
}

// value converts one value; for undefined it writes nothing. depth is how many more levels
// of arrays and objects may be opened; scalars in the innermost one need no level.
func (c *Stringifier) value(depth int) error {
	tag, err := c.r.Byte()
	if err != nil {
		return err
	}
	if depth == 0 && (tag == lib0.TagArray || tag == lib0.TagObject || tag == lib0.TagBytes) {
		return lib0.ErrDepth
	}
	c.dst = Grow(c.dst, 32)
	switch tag {
	case lib0.TagUndefined:
	case lib0.TagNull:
		c.dst = append(c.dst, "null"...)
	case lib0.TagFalse:
		c.dst = append(c.dst, "false"...)
	case lib0.TagTrue:
		c.dst = append(c.dst, "true"...)
	case lib0.TagInteger:
		negative, n, err := c.r.Varint()
		if negative && n > 0 {
			c.dst = append(c.dst, '-')
		}
		c.dst = strconv.AppendUint(c.dst, n, 10)
		return err
	case lib0.TagFloat32:
		b, err := c.r.Bytes(4)
		if err == nil {
			c.dst = AppendNumber(c.dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
		}
		return err
	case lib0.TagFloat64:
		b, err := c.r.Bytes(8)
		if err == nil {
			c.dst = AppendNumber(c.dst, math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	case lib0.TagString:
		text, err := c.r.VarText()
		c.text(text)
		return err
	case lib0.TagBytes:
		b, err := c.r.VarBytes()
		c.bytes(b)
		return err
	case lib0.TagArray:
		return c.array(depth - 1)
	case lib0.TagObject:
		return c.object(depth - 1)
	case lib0.TagBigInt:
		return ErrJSON
	default:
		return lib0.ErrTag
	}
	return nil
}

// text writes a string. Escaping makes at most six bytes of one.
func (c *Stringifier) text(b []byte) {
	c.dst = AppendString(Grow(c.dst, 6*len(b)+2), b)
}

// bytes writes a Uint8Array as JSON.stringify does: as an object {"0": …, "1": …}.
func (c *Stringifier) bytes(b []byte) {
	c.dst = Grow(c.dst, 16*len(b)+2)
	c.dst = append(c.dst, '{')
	for i, b := range b {
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		c.dst = append(strconv.AppendInt(append(c.dst, '"'), int64(i), 10), `":`...)
		c.dst = strconv.AppendUint(c.dst, uint64(b), 10)
	}
	c.dst = append(c.dst, '}')
}

// array writes an array; elements that are undefined become null.
func (c *Stringifier) array(depth int) error {
	n, err := c.r.Count(1)
	c.dst = append(c.dst, '[')
	for i := 0; err == nil && i < n; i++ {
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		start := len(c.dst)
		if err = c.value(depth); err == nil && len(c.dst) == start {
			c.dst = append(c.dst, "null"...)
		}
	}
	c.dst = append(c.dst, ']')
	return err
}

// object writes the members in the order of the input, each behind a comma. If JavaScript
// orders them differently, it then writes them again in that order. Members whose value is
// undefined are left out.
func (c *Stringifier) object(depth int) error {
	n, err := c.r.Count(2)
	if err != nil {
		return err
	}
	at, first := len(c.dst), len(c.members)
	for ; n > 0; n-- {
		key, err := c.r.VarText()
		if err != nil {
			return err
		}
		m := member{keyTo: uint32(c.r.Offset()), from: uint32(len(c.dst))}
		m.keyFrom = m.keyTo - uint32(len(key))
		c.dst = append(Grow(c.dst, 8), ',')
		c.text(key)
		c.dst = append(c.dst, ':')
		start := len(c.dst)
		if err := c.value(depth); err != nil {
			return err
		}
		if len(c.dst) == start {
			c.dst = c.dst[:m.from] // the value is undefined: drop its key
		}
		m.to = uint32(len(c.dst))
		if len(c.members) == cap(c.members) {
			c.members = slices.Grow(c.members, max(8, len(c.members)))
		}
		c.members = append(c.members, m)
	}
	ms, changed := orderMembers(c.members[first:], c.r.Slice(0, c.r.Offset()))
	if changed {
		end := len(c.dst)
		for _, m := range ms {
			c.dst = append(c.dst, c.dst[m.from:m.to]...)
		}
		c.dst = c.dst[:at+copy(c.dst[at:], c.dst[end:])]
	}
	c.members = c.members[:first]
	if len(c.dst) == at {
		c.dst = append(c.dst, '{', '}')
		return nil
	}
	c.dst[at] = '{' // in place of the first comma
	c.dst = append(c.dst, '}')
	return nil
}
