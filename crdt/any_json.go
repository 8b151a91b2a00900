package crdt

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"weft/crdt/lib0"
)

// anyToJSON reads any values and writes them as JSON texts.
type anyToJSON struct {
	r       lib0.Reader
	dst     []byte
	members []member // of the objects begun and not ended
}

// append reads the any value at r and appends it to dst as a JSON text. What
// JSON.stringify has no text for is refused: bigint, and undefined by itself.
func (c *anyToJSON) append(dst []byte, r *lib0.Reader) ([]byte, error) {
	c.r, c.dst, c.members = *r, dst, c.members[:0]
	had := len(dst)
	err := c.value(lib0.MaxDepth)
	if err == nil && len(c.dst) == had {
		err = ErrJSON
	}
	*r = c.r
	return c.dst, err
}

// value converts one value; undefined leaves nothing. depth is how many lists and
// objects may still begin: as in JSON texts, what is in the innermost one does not
// count.
func (c *anyToJSON) value(depth int) error {
	tag, err := c.r.Byte()
	if err != nil {
		return err
	}
	if depth == 0 && (tag == lib0.TagArray || tag == lib0.TagObject || tag == lib0.TagBytes) {
		return lib0.ErrDepth
	}
	c.dst = roomFor(c.dst, 32)
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
			c.dst = appendJSNumber(c.dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
		}
		return err
	case lib0.TagFloat64:
		b, err := c.r.Bytes(8)
		if err == nil {
			c.dst = appendJSNumber(c.dst, math.Float64frombits(binary.BigEndian.Uint64(b)))
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

// text writes a string. A byte may take six.
func (c *anyToJSON) text(b []byte) {
	c.dst = appendJSString(roomFor(c.dst, 6*len(b)+2), b)
}

// bytes writes a Uint8Array: to JSON.stringify an object with an index for each byte.
func (c *anyToJSON) bytes(b []byte) {
	c.dst = roomFor(c.dst, 16*len(b)+2)
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

func (c *anyToJSON) array(depth int) error {
	n, err := c.r.Count(1)
	c.dst = append(c.dst, '[')
	for i := 0; err == nil && i < n; i++ {
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		had := len(c.dst)
		if err = c.value(depth); err == nil && len(c.dst) == had {
			c.dst = append(c.dst, "null"...)
		}
	}
	c.dst = append(c.dst, ']')
	return err
}

// object writes the members as they come, each behind a comma, and again if that was
// not their order.
func (c *anyToJSON) object(depth int) error {
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
		c.dst = append(roomFor(c.dst, 8), ',')
		c.text(key)
		c.dst = append(c.dst, ':')
		had := len(c.dst)
		if err := c.value(depth); err != nil {
			return err
		}
		if len(c.dst) == had {
			c.dst = c.dst[:m.from] // undefined
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
