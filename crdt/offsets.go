package crdt

import (
	"unicode/utf8"

	"weft/crdt/internal/codec"
)

// This file finds the byte offset of a unit in an item's content. Units differ in size, so
// the content must be walked. An update can split a long run ten thousand times, and walking
// from its start each time would be quadratic. So the first split of a long run makes a
// table of offsets to start from. Tables are valid until the end of the transaction, because
// until then content moves only for splitPair.

// offsetTable knows where some units of a run begin in store.bytes.
type offsetTable struct {
	client   clientRef
	from, to uint32 // the units of the run when the table was made: [from, to)
	stride   uint32
	offsets  []unitOffset // by (unit-from)/stride
}

// unitOffset is the last unit at or before from + i·stride that begins a character, and
// its offset in store.bytes.
type unitOffset struct{ unit, at uint32 }

const (
	longRun         = 512 // bytes; shorter runs are walked
	maxOffsetTables = 32  // of one transaction; one more replaces the oldest
)

// contentOffset returns the byte offset of an item's n-th unit in its content. If the unit
// is the second half of a surrogate pair, halved is true and offset is that of the pair.
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

// nearestOffset returns where to start on the way to a unit of a long run. It makes the
// table if there is none.
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
