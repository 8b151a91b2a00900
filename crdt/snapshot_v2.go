package crdt

import "weft/crdt/internal/codec"

// Snapshots in format V2 differ in the delete set alone, which is written in steps:
//
//	uvarint n, n × (uvarint client, uvarint m, m × (uvarint gap, uvarint length-1))
//
// gap is the number of units between the end of the last range, or 0, and this one.

// AppendV2 is Append in format V2, to the bytes of Yjs (encodeSnapshotV2).
func (s Snapshot) AppendV2(dst []byte) []byte {
	return s.State.Append(s.deletes().AppendV2(dst))
}

// DecodeSnapshotV2 is DecodeSnapshot for format V2. Nothing in the bytes tells the
// formats apart. Errors match ErrMalformed.
func DecodeSnapshotV2(b []byte) (Snapshot, error) {
	return decodeSnapshot(b, codec.ReadDeleteSetV2)
}
