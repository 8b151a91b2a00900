package crdt

import (
	"slices"

	"weft/crdt/lib0"
)

// ApplyUpdateV2 is ApplyUpdate for update format V2. Besides, it refuses updates that
// stand for far more than their bytes (ErrTooDense, which matches ErrMalformed), where
// Yjs would take them: two keys overwritten in turns, more than some ten thousand times,
// are the likely case. Their form in V1 is welcome; ConvertUpdateV2ToV1 takes several
// times as much, and ApplyStoredV2 takes all.
func (d *Doc) ApplyUpdateV2(update []byte) (changed bool, err error) {
	return d.applyV2(update, maxWork, toApply)
}

// ApplyStoredV2 is ApplyStored for update format V2: for bytes whose writer is trusted.
// A hundred of them can fill all memory.
func (d *Doc) ApplyStoredV2(update []byte) (changed bool, err error) {
	return d.applyV2(update, unbounded, toTrust)
}

func (d *Doc) applyV2(update []byte, work int, why purpose) (changed bool, err error) {
	if d.busy {
		return false, ErrBusy
	}
	var c columnsIn
	s, err := c.survey(update, why)
	if err != nil {
		return false, err
	}
	if s.bound > maxBytes {
		return false, ErrTooLarge
	}
	d.store.work, d.store.budget = 0, work
	if s.whole && s.structs > 0 && d.mayLoad() &&
		d.load(func() bool { return d.stageV2(&c, update, &s) }) {
		return true, nil
	}
	cuts := d.cutsOf(s.deletes)
	if why == toApply && s.cost+costDeepCut*s.cuts+costRangeIn*cuts > allowance(len(update)) {
		return false, &MalformedError{"update V2", len(update), ErrTooDense}
	}
	u := &d.parsed
	defer u.release()
	u.structs, u.content, u.subdocs, u.sources, u.deletes = s.structs, s.content, 0, u.sources[:0], s.deletes
	v1 := c.toV1(update, &s, u)
	u.sort()
	u.expect = s.cuts + 2*cuts + 1
	return d.applyParsed(u, len(v1), work)
}

// cutsOf counts the ranges that begin or end inside an item, or where none is yet.
func (d *Doc) cutsOf(ds deleteSet) (n int) {
	s := &d.store
	inside := func(client, clock uint64) bool {
		c, known := s.findClient(client)
		if !known || clock >= uint64(s.clients[c].state) {
			return true
		}
		it := &s.items[s.at(c, uint32(clock))]
		return uint64(it.clock) < clock && !it.deleted()
	}
	for _, del := range ds {
		if inside(del.client, del.clock) || inside(del.client, del.end()) {
			n++
		}
	}
	return n
}

// ConvertUpdateV2ToV1 writes an update V2 in format V1, struct by struct. Errors match
// ErrMalformed; ErrTooDense refuses what would be far longer than a mebibyte and 60 times
// as much as it is now. Safe to call concurrently.
func ConvertUpdateV2ToV1(update []byte) ([]byte, error) {
	var c columnsIn
	return c.convert(update, toConvert)
}

func (c *columnsIn) convert(update []byte, why purpose) ([]byte, error) {
	s, err := c.survey(update, why)
	if err != nil {
		return nil, err
	}
	return s.deletes.normalise().append(c.toV1(update, &s, nil)), nil
}

// toV1 writes the structs of an update that was surveyed in V1. Unless u is nil, its
// sources become views of them.
func (c *columnsIn) toV1(update []byte, s *survey, u *parsed) []byte {
	var w wire
	if u != nil {
		defer func() { u.w = w }()
	}
	c.open(update)  //nolint:errcheck // surveyed
	c.rest.Count(2) //nolint:errcheck // surveyed
	dst := lib0.AppendUvarint(make([]byte, 0, s.bound), uint64(s.sections))
	for range s.sections {
		n, client, clock, _ := c.begin()
		dst = appendID(lib0.AppendUvarint(dst, n), client, clock)
		from := len(dst)
		src := source{client: client, now: run{clock: clock, structs: int(n)}}
		for ; n > 0; n-- {
			c.read(&w, client, clock) //nolint:errcheck // surveyed
			dst = w.append(dst, 0)
			clock = w.end()
			if u != nil && w.kind == kindDoc {
				u.subdocs++
			}
		}
		if u != nil {
			src.now.raw = dst[from:len(dst):len(dst)]
			u.sources = append(u.sources, src)
		}
	}
	return dst
}

// stageV2 is stage for an update V2 that was surveyed.
func (d *Doc) stageV2(c *columnsIn, update []byte, s *survey) bool {
	c.open(update)  //nolint:errcheck // surveyed
	c.rest.Count(2) //nolint:errcheck // surveyed
	st := &d.store
	d.growClients(s.sections)
	d.staged = slices.Grow(d.staged, s.sections)
	st.items = slices.Grow(st.items, s.structs)
	st.expect = s.cuts
	st.bytes = slices.Grow(st.bytes, s.content)
	w := &d.parsed.w
	for range s.sections {
		n, client, clock, _ := c.begin()
		r := st.client(client)
		first := ref(len(st.items))
		starts := make([]uint32, n+1)
		for i := range n {
			c.read(w, client, clock) //nolint:errcheck // surveyed
			if !st.stageItem(w, r) {
				return false
			}
			clock = w.end()
			starts[i+1] = uint32(clock)
		}
		d.stageLog(r, first, starts)
	}
	d.parsed.deletes = append(d.parsed.deletes, s.deletes...) // s may be needed again
	return true
}
