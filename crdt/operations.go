package crdt

import "bytes"

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
	var s structReader
	s.open(update)
	sv, client := StateVector{}, uint64(0)
	contiguous := false // no gap since clock 0
	for s.next() {
		if s.first {
			client = s.w.client
			contiguous = s.w.clock == 0
		}
		if contiguous = contiguous && s.w.kind != kindSkip; contiguous {
			sv[client] = s.w.end()
		}
	}
	if _, err := s.close(nil); err != nil {
		return nil, err
	}
	return sv, nil
}

// Clocks is a half-open range of clocks of one client: From ≤ clock < To.
type Clocks struct{ From, To uint64 }

// ParseUpdateMeta returns which clocks of each client an update spans, Skips included (Yjs:
// parseUpdateMeta). Clients that appear only in the delete set are absent.
func ParseUpdateMeta(update []byte) (map[uint64]Clocks, error) {
	var s structReader
	s.open(update)
	spans := map[uint64]Clocks{}
	var span Clocks
	for s.next() {
		if s.first {
			span.From = s.w.clock
		}
		if span.To = s.w.end(); s.structsLeft == 0 {
			spans[s.w.client] = span
		}
	}
	if _, err := s.close(nil); err != nil {
		return nil, err
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
	var s structReader
	s.open(update)
	out := newSectionWriter(len(update))
	var known uint64
	for s.next() {
		if s.first {
			known = sv[s.w.client]
			out.beginClient(s.w.client)
		}
		switch {
		case s.w.end() <= known, out.structs == 0 && s.w.kind == kindSkip:
		case out.structs == 0 && s.w.clock < known:
			out.write(&s.w, known-s.w.clock)
		default:
			out.writeRaw(&s.w, s.raw())
		}
	}
	ds, err := s.close(nil)
	if err != nil {
		return nil, err
	}
	out.endSection()
	return ds.normalise().append(out.bytes()), nil
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
	g, err := readRuns(updates)
	if err != nil {
		return nil, err
	}
	return g.encode(), nil
}
