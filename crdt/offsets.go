package crdt

import (
	"unicode/utf8"

	"weft/crdt/internal/codec"
)

// This file finds where in an item's bytes a unit begins. Units differ in size, so that
// one has to walk there; and where an update cuts a long run ten thousand times, to walk
// from the start each time would be quadratic. The first cut of a long run makes a table
// of places to start from. It holds until the end of the transaction: until then content
// only ever moves for cutPair.

// offsetTable knows some units of a run and where they begin in store.bytes.
type offsetTable struct {
	client   clientRef
	from, to uint32 // the run's units when the table was made: [from, to)
	stride   uint32
	offsets  []unitOffset // by (unit-from)/stride
}

// unitOffset is the last unit at or before from + i·stride that begins a character.
type unitOffset struct{ unit, at uint32 }

const (
	longRun         = 512 // bytes; below, walking is quick
	maxOffsetTables = 32  // one more takes the place of the oldest
)

// contentOffset is the offset in the item's bytes of its n-th unit. If that is the second half of
// a surrogate pair, halved is set and the offset is that of the pair.
func (s *store) contentOffset(it *item, n uint32) (offset int, halved bool) {
	if it.kind() == kindString && it.size == it.length { // ASCII
		return int(n), false
	}
	unit, at := it.clock, it.data
	if it.size >= longRun {
		m := s.nearestOffset(it, it.clock+n)
		if m.unit >= unit && m.at >= it.data && m.at < it.data+it.size {
			unit, at = m.unit, m.at
		}
	}
	b := s.bytes[at : it.data+it.size]
	n = it.clock + n - unit
	if it.kind() == kindString {
		offset, halved = codec.UTF16Offset(b, int(it.end()-unit), int(n))
	} else {
		offset = codec.ElementOffset(it.kind(), b, uint64(n))
	}
	s.work += offset / 4
	return offset + int(at-it.data), halved
}

// unitOffset is where to start from on the way to a unit of a long run.
func (s *store) nearestOffset(it *item, unit uint32) unitOffset {
	for i := range s.offsetTables {
		t := &s.offsetTables[i]
		if t.client == it.client() && t.from <= it.clock && it.end() <= t.to {
			return t.offsets[(unit-t.from)/t.stride]
		}
	}
	t := offsetTable{client: it.client(), from: it.clock, to: it.end(), stride: max(64, it.length/512)}
	at, next := it.clock, it.clock
	b := s.content(it)
	for off := 0; off < len(b); {
		var size int
		units := uint32(1)
		if it.kind() == kindString {
			var r rune
			if r, size = utf8.DecodeRune(b[off:]); r > 0xffff {
				units = 2
			}
		} else {
			size = codec.ElementOffset(it.kind(), b[off:], 1)
		}
		for ; at+units > next; next += t.stride {
			t.offsets = append(t.offsets, unitOffset{at, it.data + uint32(off)})
		}
		at += units
		off += size
	}
	s.work += len(b) / 4
	if len(s.offsetTables) == maxOffsetTables {
		s.offsetTables = s.offsetTables[1:]
	}
	s.offsetTables = append(s.offsetTables, t)
	return t.offsets[(unit-t.from)/t.stride]
}
