package codec

import (
	"cmp"
	"slices"

	"weft/crdt/lib0"
)

// DeleteRange is one range of a delete set: length units of client, starting at clock.
type DeleteRange struct {
	Client, Clock, Length uint64
}

// End returns the clock behind the last unit.
func (d DeleteRange) End() uint64 { return d.Clock + d.Length }

// DeleteSet is a list of ranges. In normal form they are in the order of the wire (clients
// descending, clocks ascending), none is empty, and no two overlap or are adjacent.
type DeleteSet []DeleteRange

// Normalise brings ds into normal form, in place.
func (ds DeleteSet) Normalise() DeleteSet {
	sorted := slices.IsSortedFunc(ds, compareRanges)
	if !sorted {
		slices.SortFunc(ds, compareRanges)
	}
	out := ds[:0]
	for _, d := range ds {
		if d.Length == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Client == d.Client && d.Clock <= out[n-1].End() {
			out[n-1].Length = max(out[n-1].End(), d.End()) - out[n-1].Clock
			continue
		}
		out = append(out, d)
	}
	return out
}

// Search returns the index of the first range of a set in normal form that starts at the
// unit or behind it, and whether it starts at the unit.
func (ds DeleteSet) Search(client, clock uint64) (int, bool) {
	return slices.BinarySearchFunc(ds, DeleteRange{Client: client, Clock: clock}, compareRanges)
}

// ContainsAll reports whether a set in normal form contains all units of more.
func (ds DeleteSet) ContainsAll(more DeleteSet) bool {
	for _, d := range more {
		i, found := ds.Search(d.Client, d.Clock)
		if !found {
			i--
		}
		if i < 0 || ds[i].Client != d.Client || ds[i].End() < d.End() {
			return false
		}
	}
	return true
}

// Insert adds ranges to a set in normal form, in place. Few ranges are inserted by binary
// search, without visiting the whole set.
func (ds DeleteSet) Insert(more DeleteSet) DeleteSet {
	if len(more) > len(ds)/16 {
		return append(ds, more...).Normalise()
	}
	for _, d := range more {
		from, _ := ds.Search(d.Client, d.Clock)
		if from > 0 && ds[from-1].Client == d.Client && ds[from-1].End() >= d.Clock {
			from--
			d = DeleteRange{d.Client, ds[from].Clock, max(ds[from].End(), d.End()) - ds[from].Clock}
		}
		to := from
		for ; to < len(ds) && ds[to].Client == d.Client && ds[to].Clock <= d.End(); to++ {
			d.Length = max(ds[to].End(), d.End()) - d.Clock
		}
		ds = slices.Replace(ds, from, to, d)
	}
	return ds
}

// compareRanges orders ranges as on the wire.
func compareRanges(a, b DeleteRange) int {
	return cmp.Or(cmp.Compare(b.Client, a.Client), cmp.Compare(a.Clock, b.Clock))
}

// CompareIDs orders by client, descending, then by clock, ascending: the order of structs
// in an update.
func CompareIDs(a, b ID) int {
	return cmp.Or(cmp.Compare(b.Client, a.Client), cmp.Compare(a.Clock, b.Clock))
}

// clients counts the clients of a set in normal form.
func (ds DeleteSet) clients() int {
	n := 0
	for i := range ds {
		if i == 0 || ds[i].Client != ds[i-1].Client {
			n++
		}
	}
	return n
}

// Append appends the encoded set (V1) to dst. The set must be in normal form.
func (ds DeleteSet) Append(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(ds.clients()))
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].Client == ds[0].Client {
			n++
		}
		dst = lib0.AppendUvarint(dst, ds[0].Client)
		dst = lib0.AppendUvarint(dst, uint64(n))
		for _, d := range ds[:n] {
			dst = lib0.AppendUvarint(dst, d.Clock)
			dst = lib0.AppendUvarint(dst, d.Length)
		}
		ds = ds[n:]
	}
	return dst
}

// ReadDeleteSet decodes the delete set (V1) at r and appends its ranges to ds, in the order
// of the wire, where they may be unsorted, overlap and be empty. Empty ranges are dropped.
func ReadDeleteSet(r *lib0.Reader, ds DeleteSet) (DeleteSet, error) {
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
			d := DeleteRange{Client: client}
			if d.Clock, err = r.Uvarint(); err != nil {
				return ds, err
			}
			if d.Length, err = r.Uvarint(); err != nil {
				return ds, err
			}
			if d.Length > MaxClock-d.Clock {
				return ds, ErrClock
			}
			if d.Length > 0 {
				ds = append(ds, d)
			}
		}
	}
	return ds, nil
}

// AppendV2 appends the encoded set in format V2 to dst. The set must be in normal form.
//
//	uvarint n, n × (uvarint client, uvarint m, m × (uvarint gap, uvarint length-1))
//
// gap is the number of units between the end of the range before (or clock 0) and this
// one.
func (ds DeleteSet) AppendV2(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(ds.clients()))
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].Client == ds[0].Client {
			n++
		}
		dst = lib0.AppendUvarint(dst, ds[0].Client)
		dst = lib0.AppendUvarint(dst, uint64(n))
		from := uint64(0)
		for _, d := range ds[:n] {
			dst = lib0.AppendUvarint(dst, d.Clock-from)
			dst = lib0.AppendUvarint(dst, d.Length-1)
			from = d.End()
		}
		ds = ds[n:]
	}
	return dst
}

// ReadDeleteSetV2 decodes the delete set (V2) at r and appends its ranges to ds, in the
// order found: a client may occur twice, and ranges may touch.
func ReadDeleteSetV2(r *lib0.Reader, ds DeleteSet) (DeleteSet, error) {
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
		for from := uint64(0); n > 0; n-- {
			gap, err := r.Uvarint()
			if err != nil {
				return ds, err
			}
			more, err := r.Uvarint()
			if err != nil {
				return ds, err
			}
			if gap > MaxClock-from || more >= MaxClock-from-gap {
				return ds, ErrClock
			}
			ds = append(ds, DeleteRange{client, from + gap, more + 1})
			from += gap + more + 1
		}
	}
	return ds, nil
}

// Contains reports whether ds, in normal form, contains a unit.
func (ds DeleteSet) Contains(id ID) bool {
	i, found := ds.Search(id.Client, id.Clock)
	return found || i > 0 && ds[i-1].Client == id.Client && id.Clock < ds[i-1].End()
}

// coalesceFrom merges adjacent ranges among those from index i on. Deletions made key by key
// become few ranges by that, which are sorted faster later.
func (ds DeleteSet) coalesceFrom(i int) DeleteSet {
	out := ds[:i]
	for _, d := range ds[i:] {
		if n := len(out); n > 0 && out[n-1].Client == d.Client {
			if p := &out[n-1]; p.End() == d.Clock {
				p.Length += d.Length
				continue
			} else if d.End() == p.Clock {
				p.Clock, p.Length = d.Clock, p.Length+d.Length
				continue
			}
		}
		out = append(out, d)
	}
	return out
}
