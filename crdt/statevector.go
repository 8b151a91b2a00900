package crdt

import (
	"maps"
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// StateVector says which units a document has: for each client id, the first clock that is
// missing. For absent clients that is 0.
//
//	wire := uvarint n, n × (uvarint client, uvarint clock)   clients descending
type StateVector map[uint64]uint64

// Append appends the encoded vector to dst. Entries with clock 0, which Yjs 14 sends for
// clients with gaps, are written too.
func (sv StateVector) Append(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(len(sv)))
	clients := slices.Sorted(maps.Keys(sv))
	for _, client := range slices.Backward(clients) {
		dst = codec.AppendID(dst, client, sv[client])
	}
	return dst
}

// DecodeStateVector decodes a state vector, which must take all of b. If a client occurs
// twice, its last entry counts, as in Yjs. Errors match ErrMalformed.
func DecodeStateVector(b []byte) (StateVector, error) {
	r := lib0.NewReader(b)
	sv, err := readStateVector(&r)
	if err == nil && r.Len() > 0 {
		err = ErrTrailing
	}
	if err != nil {
		return nil, &MalformedError{"state vector", r.Offset(), err}
	}
	return sv, nil
}

func readStateVector(r *lib0.Reader) (StateVector, error) {
	n, err := r.Count(2)
	if err != nil {
		return nil, err
	}
	sv := make(StateVector, min(n, 64))
	for ; n > 0; n-- {
		client, err := r.Uvarint()
		if err != nil {
			return nil, err
		}
		if sv[client], err = r.Uvarint(); err != nil {
			return nil, err
		}
	}
	return sv, nil
}
