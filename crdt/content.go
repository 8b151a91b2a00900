package crdt

import (
	"math/bits"

	"weft/crdt/internal/codec"
)

// The content bytes of an item are those of codec.Struct.Content: see the table in
// internal/codec/content.go. A kindType item has none: item.data is its typeRef.

// content returns the content bytes of an item, as a view that is valid until s.bytes
// changes.
func (s *store) content(it *item) []byte {
	return s.bytes[it.data : it.data+it.size : it.data+it.size]
}

// reservedBytes returns how many bytes of s.bytes belong to an item: its size, or, if
// metaReserved is set, its size rounded up to a power of two, so that a run of typed text
// can grow in place.
func (it *item) reservedBytes() uint32 {
	if it.meta&metaReserved == 0 || it.size == 0 {
		return it.size
	}
	return 1 << bits.Len32(it.size-1)
}

// storeContent appends b to s.bytes and makes it the content of the item.
func (s *store) storeContent(it *item, b []byte) {
	it.data, it.size = uint32(len(s.bytes)), uint32(len(b))
	s.bytes = append(s.bytes, b...)
}

// releaseReserve gives up the bytes that are reserved for an item beyond its size.
func (s *store) releaseReserve(it *item) {
	if it.meta&metaReserved != 0 {
		s.discardBytes(it.data+it.size, it.reservedBytes()-it.size)
		it.meta &^= metaReserved
	}
}

// dropContent removes the content of the item.
func (s *store) dropContent(it *item) {
	s.discardBytes(it.data, it.reservedBytes())
	it.data, it.size = 0, 0
	it.meta &^= metaReserved
}

// discardBytes marks n bytes of s.bytes, starting at data, as unused. At the end of s.bytes
// they are cut off; elsewhere they count as dead until compactBytes.
func (s *store) discardBytes(data, n uint32) {
	if n > 0 && int(data)+int(n) == len(s.bytes) {
		s.bytes = s.bytes[:data]
		return
	}
	s.dead += int(n)
}

// splitContent divides the content of l at unit n between l and r, without copying unless
// n splits a surrogate pair. l.length is still the length of the undivided item.
func (s *store) splitContent(l, r *item, n uint32) {
	at, halved := 0, false
	switch l.kind() {
	case kindString:
		at, halved = s.contentOffset(l, n)
	case kindJSON, kindAny:
		at, _ = s.contentOffset(l, n)
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

// splitPair divides the content of l in the middle of a surrogate pair, whose four bytes
// start at offset at. Each half becomes U+FFFD, which takes three bytes.
func (s *store) splitPair(l, r *item, at int) {
	old := *l
	b := s.content(l)
	head, tail := b[:at], b[at+4:] // valid even if append moves s.bytes
	l.data = uint32(len(s.bytes))
	s.bytes = append(append(s.bytes, head...), codec.Replacement...)
	l.size = uint32(len(s.bytes)) - l.data
	r.data = uint32(len(s.bytes))
	s.bytes = append(append(s.bytes, codec.Replacement...), tail...)
	r.size = uint32(len(s.bytes)) - r.data
	s.discardBytes(old.data, old.size)
}

// mergeContent appends the content of r to that of l; the caller removes r. Typing mostly
// takes one of the first three cases, which copy only the bytes of r or nothing. The last
// case moves l and at most doubles its reserve, so each byte of a growing run is copied a
// constant number of times on average.
func (s *store) mergeContent(l, r *item) {
	if r.size == 0 {
		return
	}
	b := s.content(r)
	reserved := l.reservedBytes()
	switch {
	case reserved == l.size && l.data+l.size == r.data: // r's bytes follow l's already
		s.releaseReserve(r)
		l.size += r.size
		l.meta &^= metaReserved
		return
	case reserved-l.size >= r.size: // r fits into the reserve of l
		copy(s.bytes[l.data+l.size:l.data+reserved], b)
		l.size += r.size
	case int(l.data)+int(reserved) == len(s.bytes): // l is the last content in s.bytes
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
		s.discardBytes(old, reserved)
	}
	s.discardBytes(r.data, r.reservedBytes())
}

// compactBytes copies the content of all items into a new slice without unused bytes. It
// does so only if at least half of s.bytes is unused, and at least one byte for each item
// to visit: so the amortised cost is constant for each deleted byte.
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
