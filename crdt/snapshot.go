package crdt

import (
	"slices"

	"weft/crdt/lib0"
)

// Snapshot names a state of a document: what was known, and what of it was deleted. It
// holds no content. To show an old state, a document that keeps what is deleted is
// needed besides ([Options.KeepDeleted]).
//
//	wire := delete set, state vector     no lengths in front; FORMAT.md draws both
type Snapshot struct {
	Deleted []Range // units deleted; clients descending, clocks ascending, none touching
	State   StateVector
}

// Range is Length units of one client, of which ID is the first.
type Range struct {
	ID
	Length uint64
}

// Snapshot is the state of the document now. What is pending does not count.
func (d *Doc) Snapshot() Snapshot {
	d.deletes = d.store.appendStoredDeletes(d.deletes[:0])
	return Snapshot{rangesFrom(d.deletes), d.StateVector()}
}

// Has tells whether a unit was there, and visible as far as deleting goes. It takes
// Deleted to be in order.
func (s Snapshot) Has(id ID) bool {
	if id.Clock >= s.State[id.Client] {
		return false
	}
	_, deleted := slices.BinarySearchFunc(s.Deleted, id, func(r Range, id ID) int {
		switch {
		case r.Client > id.Client, r.Client == id.Client && r.Clock+r.Length <= id.Clock:
			return -1
		case r.Client < id.Client, r.Clock > id.Clock:
			return 1
		}
		return 0
	})
	return !deleted
}

// Append writes the snapshot, to the bytes of Yjs (encodeSnapshot). Ranges may be in
// any order, overlap and be empty.
func (s Snapshot) Append(dst []byte) []byte {
	return s.State.Append(s.deletes().append(dst))
}

// deletes is Deleted in normal form.
func (s Snapshot) deletes() deleteSet {
	ds := make(deleteSet, len(s.Deleted))
	for i, r := range s.Deleted {
		ds[i] = deletion{r.Client, r.Clock, r.Length}
	}
	return ds.normalise()
}

// DecodeSnapshot reads all of b. Ranges come out in order, however they went in. Errors
// match ErrMalformed.
func DecodeSnapshot(b []byte) (Snapshot, error) {
	return decodeSnapshot(b, readDeletes)
}

// decodeSnapshot reads a snapshot whose delete set is what read reads.
func decodeSnapshot(b []byte, read func(*lib0.Reader, deleteSet) (deleteSet, error)) (Snapshot, error) {
	r := lib0.NewReader(b)
	ds, err := read(&r, make(deleteSet, 0, len(b)/2)) // two bytes a range, at least
	var sv StateVector
	if err == nil {
		sv, err = readStateVector(&r)
	}
	if err == nil && r.Len() > 0 {
		err = ErrTrailing
	}
	if err != nil {
		return Snapshot{}, &MalformedError{"snapshot", r.Offset(), err}
	}
	return Snapshot{rangesFrom(ds.normalise()), sv}, nil
}

func rangesFrom(ds deleteSet) []Range {
	ranges := make([]Range, len(ds))
	for i, d := range ds {
		ranges[i] = Range{ID{d.client, d.clock}, d.length}
	}
	return ranges
}
