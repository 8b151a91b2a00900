package crdt

import "weft/crdt/internal/codec"

// Snapshots in format V2 differ from V1 only in the delete set: see codec.DeleteSet.AppendV2.

// AppendV2 is Append in format V2: the bytes are those of Yjs (encodeSnapshotV2).
func (s Snapshot) AppendV2(dst []byte) []byte {
	return s.State.Append(s.deletes().AppendV2(dst))
}

// DecodeSnapshotV2 is DecodeSnapshot for format V2. The bytes do not tell which format
// they have, so the caller must know. Errors match ErrMalformed. It is safe for concurrent
// use.
func DecodeSnapshotV2(b []byte) (Snapshot, error) {
	return decodeSnapshot(b, codec.ReadDeleteSetV2)
}
