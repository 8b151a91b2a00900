package crdt

import (
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/v2"
)

// ApplyUpdateV2 is ApplyUpdate for update format V2.
//
// In addition it refuses updates that stand for far more than their bytes (ErrTooDense,
// which matches ErrMalformed), which Yjs would accept. A likely case is two map keys
// overwritten in turns more than some ten thousand times. Such an update is accepted in
// format V1. ConvertUpdateV2ToV1 accepts several times as much, and ApplyStoredV2
// anything.
func (d *Doc) ApplyUpdateV2(update []byte) (changed bool, err error) {
	return d.applyV2(update, maxWork, v2.PurposeApply)
}

// ApplyStoredV2 is ApplyStored for update format V2. The bytes must come from a trusted
// writer: an update of a hundred bytes can use up all memory.
func (d *Doc) ApplyStoredV2(update []byte) (changed bool, err error) {
	return d.applyV2(update, unbounded, v2.PurposeTrusted)
}

func (d *Doc) applyV2(update []byte, work int, why v2.Purpose) (changed bool, err error) {
	if d.busy {
		return false, ErrBusy
	}
	var dec v2.Decoder
	s, err := dec.Survey(update, why)
	if err != nil {
		return false, &MalformedError{"update V2", dec.Offset(), err}
	}
	if s.MaxSizeV1 > maxBytes {
		return false, ErrTooLarge
	}
	d.store.work, d.store.budget = 0, work
	if s.IsWhole && s.Structs > 0 && d.canLoad() &&
		d.load(func() bool { return d.stageV2(&dec, update, &s) }) {
		return true, nil
	}
	splitRanges := d.countSplitRanges(s.Deletes)
	if why == v2.PurposeApply && s.IsTooDense(splitRanges) {
		return false, &MalformedError{"update V2", len(update), ErrTooDense}
	}
	u := &d.parsed
	defer u.release()
	u.structs, u.content, u.subdocs = s.Structs, s.Content, s.Subdocuments
	u.sources, u.deletes = u.sources[:0], s.Deletes
	v1 := dec.ToV1(update, &s, &u.w, func(client, clock uint64, structs int, raw []byte) {
		u.sources = append(u.sources, source{client: client, now: run{clock: clock, structs: structs, raw: raw}})
	})
	u.sort()
	u.splits = s.Splits + 2*splitRanges + 1
	return d.applyParsed(u, len(v1), work)
}

// countSplitRanges counts the ranges that begin or end inside an item, or at units that
// are not known.
func (d *Doc) countSplitRanges(ds codec.DeleteSet) (n int) {
	s := &d.store
	inside := func(client, clock uint64) bool {
		c, known := s.findClient(client)
		if !known || clock >= uint64(s.clients[c].state) {
			return true
		}
		it := &s.items[s.itemAt(c, uint32(clock))]
		return uint64(it.clock) < clock && !it.deleted()
	}
	for _, del := range ds {
		if inside(del.Client, del.Clock) || inside(del.Client, del.End()) {
			n++
		}
	}
	return n
}

// stageV2 is stage (load.go) for an update V2 that was surveyed.
func (d *Doc) stageV2(dec *v2.Decoder, update []byte, s *v2.Survey) bool {
	dec.Rewind(update)
	st := &d.store
	d.growClients(s.Sections)
	d.staged = slices.Grow(d.staged, s.Sections)
	st.items = slices.Grow(st.items, s.Structs)
	st.expectedItems = s.Splits
	st.bytes = slices.Grow(st.bytes, s.Content)
	w := &d.parsed.w
	for range s.Sections {
		n, client, clock, _ := dec.Begin()
		c := st.client(client)
		first := ref(len(st.items))
		starts := make([]uint32, n+1)
		for i := range n {
			dec.Read(w, client, clock) //nolint:errcheck // surveyed
			if !st.stageItem(w, c) {
				return false
			}
			clock = w.End()
			starts[i+1] = uint32(clock)
		}
		d.stageLog(c, first, starts)
	}
	d.parsed.deletes = append(d.parsed.deletes, s.Deletes...) // s may be needed again
	return true
}

// ConvertUpdateV2ToV1 writes an update V2 in format V1, struct by struct.
//
// Errors match ErrMalformed. ErrTooDense refuses an update whose form in V1 would be
// larger than about 1 MiB plus 60 times its size. It is safe for concurrent use.
func ConvertUpdateV2ToV1(update []byte) ([]byte, error) {
	var dec v2.Decoder
	return convertV2(&dec, update, v2.PurposeConvert)
}

func convertV2(dec *v2.Decoder, update []byte, why v2.Purpose) ([]byte, error) {
	s, err := dec.Survey(update, why)
	if err != nil {
		return nil, &MalformedError{"update V2", dec.Offset(), err}
	}
	var w codec.Struct
	return s.Deletes.Normalise().Append(dec.ToV1(update, &s, &w, nil)), nil
}
