package crdt

import (
	"cmp"
	"slices"

	"weft/crdt/lib0"
)

// deletion is one range of a delete set: length units of client, starting at clock.
type deletion struct {
	client, clock, length uint64
}

func (d deletion) end() uint64 { return d.clock + d.length }

// deleteSet is a list of ranges. In normal form they are in the order of the wire (clients
// descending, clocks ascending), none is empty, and no two overlap or are adjacent.
type deleteSet []deletion

// normalise brings ds into normal form, in place.
func (ds deleteSet) normalise() deleteSet {
	sorted := slices.IsSortedFunc(ds, compareDeletions)
	if !sorted {
		slices.SortFunc(ds, compareDeletions)
	}
	out := ds[:0]
	for _, d := range ds {
		if d.length == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].client == d.client && d.clock <= out[n-1].end() {
			out[n-1].length = max(out[n-1].end(), d.end()) - out[n-1].clock
			continue
		}
		out = append(out, d)
	}
	return out
}

// search returns the index of the first range of a set in normal form that starts at the
// unit or behind it, and whether it starts at the unit.
func (ds deleteSet) search(client, clock uint64) (int, bool) {
	return slices.BinarySearchFunc(ds, deletion{client: client, clock: clock}, compareDeletions)
}

// containsAll reports whether a set in normal form contains all units of more.
func (ds deleteSet) containsAll(more deleteSet) bool {
	for _, d := range more {
		i, found := ds.search(d.client, d.clock)
		if !found {
			i--
		}
		if i < 0 || ds[i].client != d.client || ds[i].end() < d.end() {
			return false
		}
	}
	return true
}

// insert adds ranges to a set in normal form, in place. Few ranges are inserted by binary
// search, without visiting the whole set.
func (ds deleteSet) insert(more deleteSet) deleteSet {
	if len(more) > len(ds)/16 {
		return append(ds, more...).normalise()
	}
	for _, d := range more {
		from, _ := ds.search(d.client, d.clock)
		if from > 0 && ds[from-1].client == d.client && ds[from-1].end() >= d.clock {
			from--
			d = deletion{d.client, ds[from].clock, max(ds[from].end(), d.end()) - ds[from].clock}
		}
		to := from
		for ; to < len(ds) && ds[to].client == d.client && ds[to].clock <= d.end(); to++ {
			d.length = max(ds[to].end(), d.end()) - d.clock
		}
		ds = slices.Replace(ds, from, to, d)
	}
	return ds
}

// compareDeletions orders ranges as on the wire.
func compareDeletions(a, b deletion) int {
	return cmp.Or(cmp.Compare(b.client, a.client), cmp.Compare(a.clock, b.clock))
}

// clients counts the clients of a set in normal form.
func (ds deleteSet) clients() int {
	n := 0
	for i := range ds {
		if i == 0 || ds[i].client != ds[i-1].client {
			n++
		}
	}
	return n
}

// append appends the encoded set (V1) to dst. The set must be in normal form.
func (ds deleteSet) append(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(ds.clients()))
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].client == ds[0].client {
			n++
		}
		dst = lib0.AppendUvarint(dst, ds[0].client)
		dst = lib0.AppendUvarint(dst, uint64(n))
		for _, d := range ds[:n] {
			dst = lib0.AppendUvarint(dst, d.clock)
			dst = lib0.AppendUvarint(dst, d.length)
		}
		ds = ds[n:]
	}
	return dst
}

// readDeletes decodes the delete set (V1) at r and appends its ranges to ds, in the order
// of the wire, where they may be unsorted, overlap and be empty. Empty ranges are dropped.
func readDeletes(r *lib0.Reader, ds deleteSet) (deleteSet, error) {
	clients, err := r.Count(2)
	if err != nil {
		return ds, err
	}
	for ; clients > 0; clients-- {
		client, err := r.Uvarint()
		if err != nil {
			return ds, err
		}
		n, err := r.Count(2)
		if err != nil {
			return ds, err
		}
		if n > 64 {
			ds = slices.Grow(ds, n)
		}
		for ; n > 0; n-- {
			d := deletion{client: client}
			if d.clock, err = r.Uvarint(); err != nil {
				return ds, err
			}
			if d.length, err = r.Uvarint(); err != nil {
				return ds, err
			}
			if d.length > maxClock-d.clock {
				return ds, ErrClock
			}
			if d.length > 0 {
				ds = append(ds, d)
			}
		}
	}
	return ds, nil
}

// appendStoredDeletes appends the delete set of all deleted items of the store to ds, in
// normal form.
func (s *store) appendStoredDeletes(ds deleteSet) deleteSet {
	for _, c := range s.byID() {
		log := &s.clients[c]
		first := len(ds)
		for k := int32(0); int(k) <= len(log.full); k++ {
			for _, r := range log.chunk(k) {
				it := &s.items[r]
				if !it.deleted() {
					continue
				}
				if n := len(ds); n > first && ds[n-1].end() == uint64(it.clock) {
					ds[n-1].length += uint64(it.length)
				} else {
					ds = append(ds, deletion{log.id, uint64(it.clock), uint64(it.length)})
				}
			}
		}
	}
	return ds
}
