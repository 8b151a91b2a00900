package crdt

import (
	"cmp"
	"math"
	"slices"

	"weft/crdt/lib0"
)

// SplitUpdate divides an update (V1) into several of about size bytes each, which do
// the same when they are applied in that order, to whatever document the whole fits: each
// part builds on nothing but those before it, so that none has to wait. The delete set goes
// with the last. A struct is not divided, so parts may be larger; and an update with
// gaps, or with structs that need each other, is one part. Errors match ErrMalformed.
func SplitUpdate(update []byte, size int) ([][]byte, error) {
	var u parsed
	if err := u.parse(update); err != nil {
		return nil, err
	}
	if len(update) <= size {
		return [][]byte{slices.Clone(update)}, nil
	}
	s := splitter{size: size, known: make(map[uint64]uint64, len(u.sources)), at: map[uint64]int{}}
	structs := u.structs
	for _, src := range u.sources {
		s.known[src.client] = src.now.clock
	}
	var v delivery
	v.deliver(u.sources, &s)
	if s.taken < structs { // Skips are not taken, nor is what is blocked
		return [][]byte{slices.Clone(update)}, nil
	}
	if len(s.sections) > 0 || len(u.deletes) > 0 {
		s.finishPart(u.deletes.normalise())
	}
	return s.parts, nil
}

// splitter takes structs in causal order and makes parts of them.
type splitter struct {
	size  int
	known map[uint64]uint64 // state by client; the receiver has all of other clients
	parts [][]byte
	taken int

	sections []splitSection // of the part that grows
	at       map[uint64]int // into sections, by client
	bytes    int
}

// splitSection is consecutive structs of one client.
type splitSection struct {
	client, clock uint64
	structs       int
	raw           []byte
}

func (s *splitter) state(client uint64) uint64 {
	if state, ok := s.known[client]; ok {
		return state
	}
	return math.MaxUint64
}

func (s *splitter) take(w *wire, skip uint64) {
	i, ok := s.at[w.client]
	if !ok {
		i = len(s.sections)
		s.at[w.client] = i
		s.sections = append(s.sections, splitSection{client: w.client, clock: w.clock + skip})
	}
	t := &s.sections[i]
	before := len(t.raw)
	t.raw = w.append(t.raw, skip)
	t.structs++
	s.known[w.client] = w.end()
	s.taken++
	if s.bytes += len(t.raw) - before; s.bytes >= s.size {
		s.finishPart(nil)
	}
}

// part ends the part that grows.
func (s *splitter) finishPart(deletes deleteSet) {
	slices.SortFunc(s.sections, func(a, b splitSection) int { return cmp.Compare(b.client, a.client) })
	dst := lib0.AppendUvarint(make([]byte, 0, s.bytes+16*len(s.sections)+16), uint64(len(s.sections)))
	for _, t := range s.sections {
		dst = lib0.AppendUvarint(dst, uint64(t.structs))
		dst = append(appendID(dst, t.client, t.clock), t.raw...)
	}
	s.parts = append(s.parts, deletes.append(dst))
	clear(s.sections)
	s.sections, s.bytes = s.sections[:0], 0
	clear(s.at)
}
