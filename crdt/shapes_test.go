package crdt_test

import (
	"fmt"
	"math/rand/v2"

	"weft/crdt/lib0"
)

// A shape describes updates of any size: the same few structs repeated, with their places
// and their numbers. The cost of a small hostile update depends on its shape. The most
// expensive shapes are found by a random search, see TestWorstShapes.
type shape struct {
	base       int    // index into bases
	parts      []part // written one after the other, then again from the first
	perSection int    // structs in one client's section
	client     uint64 // id of the first client
	step       int64  // difference between the ids of a client and the next one
	clock      uint64 // clock of the first struct of each section
	deletes    int    // one of the delete patterns
}

// A part is one struct: one of the places and one of the contents below.
type part struct{ place, content int }

// Places. "own" is an earlier struct of the same section, "base" the text of baseClient.
const (
	atRoot = iota
	atFreshRoot
	atKey
	atFreshKey
	behindOwn
	beforeOwnFirst
	betweenOwn
	inBase
	beforeInBase
	behindBaseStart
	betweenBase
	inOwnLast
	inOwnFirst
	behindNeighbour
	keyBehindOwn
	beforeBaseEnd
	placeKinds
)

// Contents.
const (
	aGC = iota
	aSkip
	aChar
	aPair
	aWord
	aTombstone
	aLongTombstone
	anAny
	aManyAny
	aDeepAny
	aJSON
	aBinary
	anEmbed
	aFormat
	anArray
	anElement
	aText
	aDoc
	aLongGC
	contentKinds
)

// Delete patterns: the ranges in the delete set of the update.
const (
	noDeletes = iota
	deleteOwnOdd
	deleteOwn
	deleteBaseOdd
	deleteBaseBackwards
	deleteUnknown
	deleteUnknownClients
	deleteAll
	deleteKinds
)

// The client id of the first struct of most bases, and its length in clock units.
const (
	baseClient = 77
	baseUnits  = 1 << 13
)

// bases are the documents that an update is applied to. A base of many structs is small, so
// that its own cost does not hide the cost of the update.
var bases = []struct {
	name string
	make func() [][]byte
}{
	{"empty", func() [][]byte { return nil }},
	{"one long text", func() [][]byte {
		u := lib0.AppendUvarint([]byte{1, 1, baseClient, 0, 4, 1, 1, 't'}, baseUnits)
		for range baseUnits {
			u = append(u, 'x')
		}
		return [][]byte{append(u, 0)}
	}},
	{"one long tombstone", func() [][]byte {
		u := lib0.AppendUvarint([]byte{1, 1, baseClient, 0, 1, 1, 1, 't'}, baseUnits)
		return [][]byte{append(u, 0)}
	}},
	{"one long list", func() [][]byte {
		u := lib0.AppendUvarint([]byte{1, 1, baseClient, 0, 8, 1, 1, 't'}, baseUnits)
		for range baseUnits {
			u = append(u, lib0.TagNull)
		}
		return [][]byte{append(u, 0)}
	}},
	{"one long GC", func() [][]byte {
		return [][]byte{append(lib0.AppendUvarint([]byte{1, 1, baseClient, 0, 0}, baseUnits), 0)}
	}},
	{"a type", func() [][]byte { return [][]byte{{1, 1, baseClient, 0, 7, 1, 1, 't', 1, 0}} }},
	{"500 pending", func() (us [][]byte) {
		for i := range uint64(500) {
			us = append(us, (&shape{parts: []part{{atRoot, aChar}}, perSection: 1, client: 100 + i, clock: 5}).build(1))
		}
		return us
	}},
}

// build returns an update of about size bytes.
func (s *shape) build(size int) []byte {
	var sections [][]byte
	client, total, fresh := s.client, 0, 0
	var deletes []byte
	deleters := 0
	for n := 0; total < size && client > 0 && client < 1<<53; n++ {
		var section []byte
		structs := 0
		clock := s.clock
		prev := clock // clock of the previous struct
		for ; structs < s.perSection && total+len(section) < size; structs++ {
			p := s.parts[(n+structs)%len(s.parts)]
			var length uint64
			from := clock
			section, length = p.append(section, client, s.clock, prev, clock, s.neighbour(client), fresh, size)
			if clock += length; clock >= 1<<52 {
				break
			}
			prev, fresh = from, fresh+1
		}
		head := lib0.AppendUvarint(nil, uint64(structs))
		head = lib0.AppendUvarint(lib0.AppendUvarint(head, client), s.clock)
		section = append(head, section...)
		sections = append(sections, section)
		total += len(section)
		if ranges, n := s.deleteOf(clock); n > 0 {
			deletes = lib0.AppendUvarint(lib0.AppendUvarint(deletes, client), uint64(n))
			deletes = append(deletes, ranges...)
			total += len(ranges) + 4
			deleters++
		}
		if step := int64(client) + s.step; s.step == 0 || step <= 0 {
			break
		}
		client = uint64(int64(client) + s.step)
	}
	u := lib0.AppendUvarint(nil, uint64(len(sections)))
	for _, section := range sections {
		u = append(u, section...)
	}
	switch s.deletes {
	case deleteBaseOdd, deleteBaseBackwards, deleteUnknown:
		deleters, deletes = 1, nil
		n := min(size/3, baseUnits/2-1)
		if total < size/2 && s.deletes == deleteUnknown {
			n = min(n, 9_000)
		}
		of := uint64(baseClient)
		if s.deletes == deleteUnknown {
			of = 5
		}
		deletes = lib0.AppendUvarint(lib0.AppendUvarint(nil, of), uint64(n))
		for i := range uint64(n) {
			at := 2*i + 1
			if s.deletes == deleteBaseBackwards {
				at = 2*(uint64(n)-i) - 1
			}
			deletes = append(lib0.AppendUvarint(deletes, at), 1)
		}
	case deleteUnknownClients:
		deleters, deletes = min(size/4, 9_000), nil
		for i := range deleters {
			deletes = append(lib0.AppendUvarint(deletes, uint64(1<<20+i)), 1, 0, 1)
		}
	}
	return append(lib0.AppendUvarint(u, uint64(deleters)), deletes...)
}

// neighbour returns the client of the section before, or client if there is none.
func (s *shape) neighbour(client uint64) uint64 {
	if n := int64(client) - s.step; n > 0 {
		return uint64(n)
	}
	return client
}

// deleteOf returns the n encoded ranges of its own structs that a client deletes, up to
// clock.
func (s *shape) deleteOf(clock uint64) (ranges []byte, n int) {
	switch s.deletes {
	case deleteOwnOdd:
		for c := s.clock + 1; c < clock && n < 1<<15; c += 2 {
			ranges = append(lib0.AppendUvarint(ranges, c), 1)
			n++
		}
	case deleteOwn:
		return lib0.AppendUvarint(lib0.AppendUvarint(nil, s.clock), 1), 1
	case deleteAll:
		return lib0.AppendUvarint(lib0.AppendUvarint(nil, s.clock), clock-s.clock), 1
	}
	return ranges, n
}

// append appends the struct at clock to dst and returns dst and the length of the struct in
// clock units. first is the clock of the first struct of the section, prev that of the
// previous struct.
func (p part) append(dst []byte, client, first, prev, clock, neighbour uint64, fresh, size int) ([]byte, uint64) {
	if p.content == aGC || p.content == aSkip || p.content == aLongGC {
		kind, length := byte(0), uint64(1)
		switch p.content {
		case aSkip:
			kind = 10
		case aLongGC:
			length = 1 << 40
		}
		return lib0.AppendUvarint(append(dst, kind), length), length
	}
	own := clock > first
	place := p.place
	if !own && (place == behindOwn || place == beforeOwnFirst || place == betweenOwn || place == inOwnLast || place == inOwnFirst || place == keyBehindOwn) {
		place = atRoot
		if p.place == keyBehindOwn {
			place = atKey
		}
	}
	if place == behindNeighbour && neighbour == client {
		place = atRoot
	}
	cut := uint64(2*fresh+1) % baseUnits
	kind, rest, length := p.body(size)
	id := func(client, clock uint64) { dst = lib0.AppendUvarint(lib0.AppendUvarint(dst, client), clock) }
	switch place {
	case atRoot:
		dst = append(dst, kind, 1, 1, 't')
	case atFreshRoot:
		dst = lib0.AppendVarString(append(dst, kind, 1), fmt.Sprintf("%x", fresh))
	case atKey:
		dst = append(dst, kind|0x20, 1, 1, 't', 1, 'k')
	case atFreshKey:
		dst = lib0.AppendVarString(append(dst, kind|0x20, 1, 1, 't'), fmt.Sprintf("%x", fresh))
	case behindOwn:
		dst = append(dst, kind|0x80)
		id(client, clock-1)
	case keyBehindOwn:
		dst = append(dst, kind|0xa0)
		id(client, clock-1)
	case beforeOwnFirst:
		dst = append(dst, kind|0x40)
		id(client, first)
	case betweenOwn:
		dst = append(dst, kind|0xc0)
		id(client, clock-1)
		id(client, first)
	case inBase:
		dst = append(dst, kind|0x80)
		id(baseClient, cut)
	case beforeInBase:
		dst = append(dst, kind|0x40)
		id(baseClient, cut)
	case behindBaseStart:
		dst = append(dst, kind|0x80)
		id(baseClient, 0)
	case beforeBaseEnd:
		dst = append(dst, kind|0xc0)
		id(baseClient, 0)
		id(baseClient, baseUnits-1)
	case betweenBase:
		dst = append(dst, kind|0xc0)
		id(baseClient, cut)
		id(baseClient, (cut+1)%baseUnits)
	case inOwnLast:
		dst = append(dst, kind, 0)
		id(client, prev)
	case inOwnFirst:
		dst = append(dst, kind, 0)
		id(client, first)
	case behindNeighbour:
		dst = append(dst, kind|0x80)
		id(neighbour, first)
	}
	return append(dst, rest...), length
}

// body returns the content of the struct: the kind of the content as in the info byte, its
// bytes, and its length in clock units.
func (p part) body(size int) (kind byte, rest []byte, length uint64) {
	switch p.content {
	case aPair:
		return 4, []byte("\x04😀"), 2
	case aWord:
		return 4, []byte("\x14twenty letters, these"[:21]), 20
	case aTombstone:
		return 1, []byte{1}, 1
	case aLongTombstone:
		return 1, lib0.AppendUvarint(nil, 1<<16), 1 << 16
	case anAny:
		return 8, []byte{1, lib0.TagNull}, 1
	case aManyAny:
		n := min(max(1, size/8), 1000)
		rest = lib0.AppendUvarint(nil, uint64(n))
		for range n {
			rest = append(rest, lib0.TagNull)
		}
		return 8, rest, uint64(n)
	case aDeepAny:
		rest = []byte{1}
		for range 60 {
			rest = append(rest, lib0.TagArray, 1)
		}
		return 8, append(rest, lib0.TagNull), 1
	case aJSON:
		return 2, []byte{1, 1, '1'}, 1
	case aBinary:
		return 3, []byte{0}, 1
	case anEmbed:
		return 5, []byte{1, '1'}, 1
	case aFormat:
		return 6, []byte{1, 'b', 1, '1'}, 1
	case anArray:
		return 7, []byte{0}, 1
	case anElement:
		return 7, []byte{3, 1, 'p'}, 1
	case aText:
		return 7, []byte{2}, 1
	case aDoc:
		return 9, []byte{0, lib0.TagObject, 0}, 1
	}
	return 4, []byte{1, 'x'}, 1
}

var (
	placeNames = [placeKinds]string{"root", "fresh root", "key", "fresh key", "behind own", "before own first", "between own",
		"behind base 2n+1", "before base 2n+1", "behind base start", "within base 2n+1", "in own last", "in own first",
		"behind neighbour", "key behind own", "within whole base"}
	contentNames = [contentKinds]string{"GC", "Skip", "char", "pair", "word", "tombstone", "long tombstone", "any", "many any", "deep any",
		"JSON", "binary", "embed", "format", "array", "element", "text", "doc", "long GC"}
	deleteNames = [deleteKinds]string{"nothing", "own odd", "own first", "base odd", "base odd backwards", "unknown", "unknown clients", "own all"}
)

func (p part) String() string { return contentNames[p.content] + " " + placeNames[p.place] }

func (s shape) String() string {
	return fmt.Sprintf("%s; %v, perSection %d, client %d step %d, clock %d, deletes %s",
		bases[s.base].name, s.parts, s.perSection, s.client, s.step, s.clock, deleteNames[s.deletes])
}

func randomShape(rng *rand.Rand) shape {
	s := shape{
		base:       rng.IntN(len(bases)),
		perSection: []int{1, 2, 3, 17, 1 << 30}[rng.IntN(5)],
		client:     []uint64{1, 1 << 20, 1 << 52}[rng.IntN(3)],
		step:       []int64{1, -1, 0, 1 << 14}[rng.IntN(4)],
		deletes:    rng.IntN(deleteKinds),
	}
	if rng.IntN(6) == 0 {
		s.clock = 9
	}
	for range 1 + rng.IntN(3) {
		s.parts = append(s.parts, part{rng.IntN(placeKinds), rng.IntN(contentKinds)})
	}
	return s
}

// mutate returns a copy of the shape with one property changed at random.
func (s shape) mutate(rng *rand.Rand) shape {
	other := randomShape(rng)
	s.parts = append([]part(nil), s.parts...)
	switch rng.IntN(8) {
	case 0:
		s.base = other.base
	case 1:
		s.perSection = other.perSection
	case 2:
		s.client, s.step = other.client, other.step
	case 3:
		s.clock = other.clock
	case 4:
		s.deletes = other.deletes
	case 5:
		s.parts[rng.IntN(len(s.parts))].place = other.parts[0].place
	case 6:
		s.parts[rng.IntN(len(s.parts))].content = other.parts[0].content
	case 7:
		if len(s.parts) > 1 {
			s.parts = s.parts[1:]
		} else {
			s.parts = append(s.parts, other.parts[0])
		}
	}
	return s
}

// worst are shapes that exceeded a limit in an earlier version of the engine.
var worst = []shape{
	{base: 3, parts: []part{{inBase, aWord}}, perSection: 3, client: 1 << 52, step: 1 << 14, deletes: deleteAll},
	{base: 3, parts: []part{{inBase, aText}}, perSection: 1, client: 1 << 20, step: 1, deletes: deleteBaseBackwards},
	{base: 3, parts: []part{{inBase, aLongTombstone}}, perSection: 1, client: 1, step: 1, deletes: deleteBaseOdd},
	{base: 2, parts: []part{{beforeInBase, aTombstone}}, perSection: 17, client: 1 << 20, step: -1},
	{base: 1, parts: []part{{behindBaseStart, aDoc}, {inBase, aJSON}}, perSection: 17, client: 1, step: 1 << 14},
	{base: 1, parts: []part{{beforeOwnFirst, anAny}, {behindBaseStart, aText}}, perSection: 1 << 30, client: 1 << 20, step: 1, deletes: deleteBaseBackwards},
	{base: 2, parts: []part{{inBase, aJSON}}, perSection: 1, client: 1 << 52, step: 1, deletes: deleteAll},
	{base: 1, parts: []part{{atRoot, aChar}}, perSection: 1, client: 1, step: 1, deletes: deleteBaseOdd},
	{base: 0, parts: []part{{atFreshRoot, aDoc}}, perSection: 1, client: 1, step: 1},
	{base: 0, parts: []part{{atRoot, aGC}}, perSection: 1, client: 1, step: 1},
	{base: 0, parts: []part{{beforeInBase, anEmbed}}, perSection: 1 << 30, client: 1 << 52, clock: 9, deletes: deleteBaseOdd},
	{base: 0, parts: []part{{atRoot, aSkip}, {atFreshRoot, aFormat}}, perSection: 3, client: 1 << 20, step: 1, clock: 9},
	{base: 3, parts: []part{{inBase, anArray}}, perSection: 1 << 30, client: 1, deletes: deleteAll},
	{base: 1, parts: []part{{betweenBase, aTombstone}}, perSection: 1 << 30, client: 1, deletes: deleteOwn},
	{base: 2, parts: []part{{beforeInBase, aTombstone}}, perSection: 17, client: 1 << 20, step: -1, deletes: deleteUnknown},
	{base: 1, parts: []part{{inBase, aChar}}, perSection: 1 << 30, client: 1 << 20, step: 1, deletes: deleteUnknown},
}
