package crdt

import (
	"math/bits"

	"weft/crdt/lib0"
)

// What the bytes of an item hold, by kind, and what the wire adds in front:
//
//	kind     bytes in memory                      on the wire
//	GC       none                                 uvarint length
//	Deleted  none                                 uvarint length
//	JSON     n × varstring (a JSON text or the    uvarint n, bytes
//	         bare word undefined)
//	Binary   varbytes                             bytes
//	String   UTF-8                                uvarint size, bytes
//	Embed    varstring (JSON text)                bytes
//	Format   varstring key, varstring JSON text   bytes
//	Type     none; data is the typeRef            uvarint shape, [varstring name]
//	Any      n × any                              uvarint n, bytes
//	Doc      varstring guid, any options          bytes
//
// Bytes of values are kept as they came, never decoded and encoded again: neither
// the order of keys nor the spelling of numbers survives that.

// Shapes of nested types, as declared on the wire.
const (
	shapeArray       = 0
	shapeMap         = 1
	shapeText        = 2
	shapeXMLElement  = 3 // has a node name
	shapeXMLFragment = 4
	shapeXMLHook     = 5 // has a hook name
	shapeXMLText     = 6
	maxShape         = 6
)

func shapeHasName(shape uint8) bool { return shape == shapeXMLElement || shape == shapeXMLHook }

// elementCut is the byte offset of the n-th element of JSON or Any content.
func elementOffset(k kind, b []byte, n uint64) int {
	r := lib0.NewReader(b)
	for ; n > 0; n-- {
		if k == kindAny {
			r.SkipAny() //nolint:errcheck // validated when it was decoded
		} else {
			r.VarBytes() //nolint:errcheck // validated when it was decoded
		}
	}
	return r.Offset()
}

// appendContent writes the content of one struct from its unit skip on.
func appendContent(dst []byte, k kind, b []byte, length, skip uint64) []byte {
	switch k {
	case kindGC, kindDeleted, kindSkip:
		return lib0.AppendUvarint(dst, length-skip)
	case kindString:
		if skip == 0 {
			return lib0.AppendVarBytes(dst, b)
		}
		offset, halved := utf16Cut(b, int(length), int(skip))
		if !halved {
			return lib0.AppendVarBytes(dst, b[offset:])
		}
		rest := b[offset+4:]
		dst = lib0.AppendUvarint(dst, uint64(len(replacement)+len(rest)))
		return append(append(dst, replacement...), rest...)
	case kindJSON, kindAny:
		dst = lib0.AppendUvarint(dst, length-skip)
		if skip > 0 {
			b = b[elementOffset(k, b, skip):]
		}
	}
	return append(dst, b...)
}

// content is a view of an item's bytes.
func (s *store) content(it *item) []byte {
	return s.bytes[it.data : it.data+it.size : it.data+it.size]
}

// roomOf is how many bytes are reserved for an item: what it holds, and where a run has
// been extended in place, up to the next power of two.
func (it *item) reservedBytes() uint32 {
	if it.meta&metaReserved == 0 || it.size == 0 {
		return it.size
	}
	return 1 << bits.Len32(it.size-1)
}

// keep copies b behind all other content and makes it the content of it.
func (s *store) storeContent(it *item, b []byte) {
	it.data, it.size = uint32(len(s.bytes)), uint32(len(b))
	s.bytes = append(s.bytes, b...)
}

// tighten gives back what is reserved for an item beyond its size.
func (s *store) releaseReserve(it *item) {
	if it.meta&metaReserved != 0 {
		s.discardBytes(it.data+it.size, it.reservedBytes()-it.size)
		it.meta &^= metaReserved
	}
}

// forget takes the content of it away.
func (s *store) dropContent(it *item) {
	s.discardBytes(it.data, it.reservedBytes())
	it.data, it.size = 0, 0
	it.meta &^= metaReserved
}

// bury notes that room bytes at data belong to nobody now.
func (s *store) discardBytes(data, room uint32) {
	if room > 0 && int(data)+int(room) == len(s.bytes) {
		s.bytes = s.bytes[:data]
		return
	}
	s.dead += int(room)
}

// cutContent divides the bytes of l at unit n between l and r. l.length is still
// the length of the whole.
func (s *store) splitContent(l, r *item, n uint32) {
	at, halved := 0, false
	switch l.kind() {
	case kindString:
		at, halved = s.cutAt(l, n)
	case kindJSON, kindAny:
		at, _ = s.cutAt(l, n)
	default:
		return
	}
	s.releaseReserve(l)
	r.meta &^= metaReserved
	if halved {
		s.splitPair(l, r, at)
		return
	}
	r.data, r.size = l.data+uint32(at), l.size-uint32(at)
	l.size = uint32(at)
}

// cutPair is cutContent in the middle of a surrogate pair, whose four bytes start
// at offset at: each half becomes a replacement character of three bytes.
func (s *store) splitPair(l, r *item, at int) {
	old := *l
	b := s.content(l)
	head, tail := b[:at], b[at+4:] // stay readable if s.bytes moves
	l.data = uint32(len(s.bytes))
	s.bytes = append(append(s.bytes, head...), replacement...)
	l.size = uint32(len(s.bytes)) - l.data
	r.data = uint32(len(s.bytes))
	s.bytes = append(append(s.bytes, replacement...), tail...)
	r.size = uint32(len(s.bytes)) - r.data
	s.discardBytes(old.data, old.size)
}

// joinContent appends the bytes of r to those of l. Typing mostly ends in one of
// the first three cases, which copy little or nothing; the last one makes room for as
// much again at the most, so that a run that grows is copied a constant number of times
// per byte.
func (s *store) mergeContent(l, r *item) {
	if r.size == 0 {
		return
	}
	b := s.content(r)
	room := l.reservedBytes()
	switch {
	case room == l.size && l.data+l.size == r.data: // side by side
		s.releaseReserve(r)
		l.size += r.size
		l.meta &^= metaReserved
		return
	case room-l.size >= r.size:
		copy(s.bytes[l.data+l.size:l.data+room], b)
		l.size += r.size
	case int(l.data)+int(room) == len(s.bytes):
		s.bytes = append(s.bytes[:l.data+l.size], b...)
		l.size += r.size
		l.meta &^= metaReserved
	default:
		head := s.content(l)
		old := l.data
		l.data, l.size = uint32(len(s.bytes)), l.size+r.size
		l.meta |= metaReserved
		s.bytes = append(append(s.bytes, head...), b...)
		s.bytes = append(s.bytes, make([]byte, l.reservedBytes()-l.size)...)
		s.discardBytes(old, room)
	}
	s.discardBytes(r.data, r.reservedBytes())
}

// compactBytes rewrites the content of all items without gaps once more than half
// of it belongs to nobody, and more than a byte for each item that must be visited: so
// its cost is spread over what was deleted.
func (s *store) compactBytes() {
	if s.dead < 1<<14 || s.dead < len(s.bytes)/2 || s.dead < len(s.items) {
		return
	}
	fresh := make([]byte, 0, len(s.bytes)-s.dead)
	for i := range s.items {
		it := &s.items[i]
		if it.size == 0 {
			continue
		}
		b := s.content(it)
		it.data = uint32(len(fresh))
		it.meta &^= metaReserved
		fresh = append(fresh, b...)
	}
	s.bytes, s.dead = fresh, 0
}
