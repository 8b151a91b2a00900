package crdt

import "bytes"

// What can be done with updates (V1) as bytes, without a document: nothing is
// integrated, so structs whose dependencies are absent are kept like all others. All
// functions here are safe to call concurrently. Errors match ErrMalformed. The same for
// format V2 is in operations_v2.go.

// StateVectorFromUpdate tells what a document that was empty before knows after the
// update, as far as that shows without one: per client the end of what begins at clock
// 0 and has no gap. Clients with nothing of the kind are absent.
//
// Yjs says the same, but for an update that begins with a Skip from clock 0 (of Yjs 14):
// there it counts the Skip.
func StateVectorFromUpdate(update []byte) (StateVector, error) {
	var s structReader
	s.open(update)
	sv, client := StateVector{}, uint64(0)
	whole := false // no gap so far
	for s.next() {
		if s.first {
			client = s.w.client
			whole = s.w.clock == 0
		}
		if whole = whole && s.w.kind != kindSkip; whole {
			sv[client] = s.w.end()
		}
	}
	if _, err := s.close(nil); err != nil {
		return nil, err
	}
	return sv, nil
}

// Clocks are units of one client: those from From on, up to but without To.
type Clocks struct{ From, To uint64 }

// ParseUpdateMeta tells which clocks of each client an update spans, Skips included.
// Clients of which it only deletes units are absent.
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

// DiffUpdate returns what of an update a peer at sv lacks, in the order of the update.
// The delete set stays whole. Gaps remain Skips, but no section begins with one.
//
// The bytes are those of Yjs (diffUpdate) where Yjs made the update. Of others, Yjs
// writes numbers and values anew, and leaves unsorted delete sets unsorted.
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

// MergeUpdates makes one update of many, in any order: applying it does what applying
// each of them does. Gaps between what one client wrote become Skips, what comes
// twice is taken once. Neighbours are not joined, as that takes a document; GCs are. A
// single update comes back as it is, in a slice of its own. Time is linear in the bytes
// when each client's structs come in order, and has a logarithm in it when not.
//
// The bytes are those of Yjs (mergeUpdates) where Yjs made the updates, and takes a
// fixed one of two that hold the same units: where one of them has a GC and the other
// an item, it takes one or the other, depending on how often it has compared them.
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
