package crdt

import (
	"cmp"
	"math"
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// SplitUpdate divides an update (V1) into parts of about size bytes each. Applying the
// parts in order has the same effect as applying the whole update. The structs of a part
// depend only on earlier parts and on what the whole update depends on, so no part becomes
// pending if the whole would not. The delete set is in the last part.
//
// A part is larger than size if a single struct is. An update that contains Skips, or
// structs that depend on each other in a cycle, is returned as one part. Errors match
// ErrMalformed. Safe to call concurrently.
func SplitUpdate(update []byte, size int) ([][]byte, error) {
	var u parsedUpdate
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
	if s.taken < structs { // deliver takes neither Skips nor structs blocked by a cycle
		return [][]byte{slices.Clone(update)}, nil
	}
	if len(s.sections) > 0 || len(u.deletes) > 0 {
		s.finishPart(u.deletes.Normalise())
	}
	return s.parts, nil
}

// splitter receives structs in causal order and encodes them as parts.
type splitter struct {
	size  int               // bytes at which a part is finished
	known map[uint64]uint64 // next clock by client of the update; of other clients all is known
	parts [][]byte
	taken int // structs

	// The part that is being built.
	sections []splitSection
	at       map[uint64]int // index into sections, by client
	bytes    int            // of its structs
}

// splitSection is consecutive structs of one client, encoded.
type splitSection struct {
	client, clock uint64
	structs       int
	raw           []byte
}

// state returns the first clock of client that no part contains yet.
func (s *splitter) state(client uint64) uint64 {
	if state, ok := s.known[client]; ok {
		return state
	}
	return math.MaxUint64
}

// receive adds a struct, except its first skip units, to the part that is being built.
func (s *splitter) receive(w *codec.Struct, skip uint64) {
	i, ok := s.at[w.Client]
	if !ok {
		i = len(s.sections)
		s.at[w.Client] = i
		s.sections = append(s.sections, splitSection{client: w.Client, clock: w.Clock + skip})
	}
	t := &s.sections[i]
	before := len(t.raw)
	t.raw = w.Append(t.raw, skip)
	t.structs++
	s.known[w.Client] = w.End()
	s.taken++
	if s.bytes += len(t.raw) - before; s.bytes >= s.size {
		s.finishPart(nil)
	}
}

// finishPart encodes the part that is being built, with the given delete set in normal form,
// and begins the next one.
func (s *splitter) finishPart(deletes codec.DeleteSet) {
	slices.SortFunc(s.sections, func(a, b splitSection) int { return cmp.Compare(b.client, a.client) })
	dst := lib0.AppendUvarint(make([]byte, 0, s.bytes+16*len(s.sections)+16), uint64(len(s.sections)))
	for _, t := range s.sections {
		dst = lib0.AppendUvarint(dst, uint64(t.structs))
		dst = append(codec.AppendID(dst, t.client, t.clock), t.raw...)
	}
	s.parts = append(s.parts, deletes.Append(dst))
	clear(s.sections)
	s.sections, s.bytes = s.sections[:0], 0
	clear(s.at)
}
