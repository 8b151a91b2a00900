package crdt

import (
	"bytes"

	"weft/crdt/internal/codec"
)

// This file has the operations on encoded updates (V1) that need no document. They
// integrate nothing, so structs with missing dependencies are handled like all others. All
// functions are safe to call concurrently. Errors match ErrMalformed. operations_v2.go has
// the same for format V2.

// StateVectorFromUpdate returns the state vector of an empty document after it applied the
// update, as far as the bytes alone show it (Yjs: encodeStateVectorFromUpdate). For each
// client it is the end of the structs that start at clock 0 and have no gap. Clients whose
// structs start later are absent.
//
// The result is the same as in Yjs, except for an update of Yjs 14 that has a Skip at clock
// 0: Yjs counts the Skip as known.
func StateVectorFromUpdate(update []byte) (StateVector, error) {
	var s codec.StructReader
	s.Open(update)
	sv, client := StateVector{}, uint64(0)
	contiguous := false // no gap since clock 0
	for s.Next() {
		if s.First {
			client = s.Struct.Client
			contiguous = s.Struct.Clock == 0
		}
		if contiguous = contiguous && s.Struct.Kind != kindSkip; contiguous {
			sv[client] = s.Struct.End()
		}
	}
	if _, err := s.Close(nil); err != nil {
		return nil, malformed("update", err)
	}
	return sv, nil
}

// Clocks is a half-open range of clocks of one client: From ≤ clock < To.
type Clocks struct{ From, To uint64 }

// ParseUpdateMeta returns which clocks of each client an update spans, Skips included (Yjs:
// parseUpdateMeta). Clients that appear only in the delete set are absent.
func ParseUpdateMeta(update []byte) (map[uint64]Clocks, error) {
	var s codec.StructReader
	s.Open(update)
	spans := map[uint64]Clocks{}
	var span Clocks
	for s.Next() {
		if s.First {
			span.From = s.Struct.Clock
		}
		if span.To = s.Struct.End(); s.Remaining == 0 {
			spans[s.Struct.Client] = span
		}
	}
	if _, err := s.Close(nil); err != nil {
		return nil, malformed("update", err)
	}
	return spans, nil
}

// DiffUpdate returns an update with those structs of update that a peer with state vector
// sv does not have, in the same order (Yjs: diffUpdate). The delete set is kept completely.
// Gaps remain Skips, but no client section starts with one.
//
// If Yjs encoded the update, the result has the same bytes as Yjs's. For other updates it
// may differ: Yjs encodes numbers and values anew, and does not sort delete sets.
func DiffUpdate(update []byte, sv StateVector) ([]byte, error) {
	var s codec.StructReader
	s.Open(update)
	out := codec.NewSectionWriter(len(update))
	var known uint64
	for s.Next() {
		if s.First {
			known = sv[s.Struct.Client]
			out.Begin(s.Struct.Client)
		}
		switch {
		case s.Struct.End() <= known, out.IsEmpty() && s.Struct.Kind == kindSkip:
		case out.IsEmpty() && s.Struct.Clock < known:
			out.Write(&s.Struct, known-s.Struct.Clock)
		default:
			out.WriteRaw(&s.Struct, s.Raw())
		}
	}
	ds, err := s.Close(nil)
	if err != nil {
		return nil, malformed("update", err)
	}
	return ds.Normalise().Append(out.Bytes()), nil
}

// MergeUpdates merges updates, given in any order, into one that has the same effect as
// applying each of them (Yjs: mergeUpdates). Gaps between the structs of one client become
// Skips. Units that occur repeatedly are written once. Neighbouring GCs are merged;
// neighbouring items are not, as that needs a document. A single update is returned as a
// copy. The time is linear in the number of bytes if the structs of each client come in
// order, and O(n log n) otherwise.
//
// If Yjs encoded the updates, the result has the same bytes as Yjs's, with one exception:
// if one update holds a GC and another an item for the same units, which of them Yjs
// chooses depends on the number of comparisons made before.
func MergeUpdates(updates ...[]byte) ([]byte, error) {
	if len(updates) == 1 {
		return bytes.Clone(updates[0]), ValidateUpdate(updates[0])
	}
	merged, err := codec.Merge(updates)
	return merged, malformed("update", err)
}
