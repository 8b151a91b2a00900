package crdt

import (
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// Snapshot identifies a state of a document (Yjs: Y.Snapshot): which units existed, and
// which of them were deleted. It holds no content. To show an old state, one also needs a
// document that keeps deleted content ([Options.KeepDeleted]).
//
//	wire := delete set, state vector     without lengths; FORMAT.md draws both
type Snapshot struct {
	Deleted []Range // deleted units; clients descending, clocks ascending, no two adjacent
	State   StateVector
}

// Range is Length consecutive units of one client; ID is the first of them.
type Range struct {
	ID
	Length uint64
}

// Snapshot returns the current state of the document. Pending structs and deletes are not
// part of it.
func (d *Doc) Snapshot() Snapshot {
	d.deletes = d.store.appendStoredDeletes(d.deletes[:0])
	return Snapshot{rangesFrom(d.deletes), d.StateVector()}
}

// Has reports whether a unit existed in this state and was not deleted. Deleted must be in
// the order that its field documents.
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

// Append appends the encoded snapshot (V1) to dst, the same bytes as Yjs's encodeSnapshot.
// The ranges of Deleted may be in any order, overlap and be empty.
func (s Snapshot) Append(dst []byte) []byte {
	return s.State.Append(s.deletes().Append(dst))
}

// deletes returns Deleted as a delete set in normal form.
func (s Snapshot) deletes() codec.DeleteSet {
	ds := make(codec.DeleteSet, len(s.Deleted))
	for i, r := range s.Deleted {
		ds[i] = codec.DeleteRange{Client: r.Client, Clock: r.Clock, Length: r.Length}
	}
	return ds.Normalise()
}

// DecodeSnapshot decodes a snapshot (V1), which must take all of b. The ranges are returned
// in order, even if b has them in another order. Errors match ErrMalformed.
func DecodeSnapshot(b []byte) (Snapshot, error) {
	return decodeSnapshot(b, codec.ReadDeleteSet)
}

// decodeSnapshot decodes a snapshot; read decodes its delete set, which differs between the
// formats V1 and V2.
func decodeSnapshot(b []byte, read func(*lib0.Reader, codec.DeleteSet) (codec.DeleteSet, error)) (Snapshot, error) {
	r := lib0.NewReader(b)
	ds, err := read(&r, make(codec.DeleteSet, 0, len(b)/2)) // two bytes a range, at least
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
	return Snapshot{rangesFrom(ds.Normalise()), sv}, nil
}

func rangesFrom(ds codec.DeleteSet) []Range {
	ranges := make([]Range, len(ds))
	for i, d := range ds {
		ranges[i] = Range{ID{d.Client, d.Clock}, d.Length}
	}
	return ranges
}
