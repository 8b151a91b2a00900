package crdt

import (
	"bytes"
	"slices"

	"weft/crdt/lib0"
)

// What can be done with updates (V1) as bytes, without a document: nothing is
// integrated, so structs whose dependencies are absent are kept like all others. All
// functions here are safe to call concurrently. Errors match ErrMalformed.

// StateVectorFromUpdate tells what a document that was empty before knows after the
// update, as far as that shows without one: per client the end of what begins at clock
// 0 and has no gap. Clients with nothing of the kind are absent.
func StateVectorFromUpdate(update []byte) (StateVector, error) {
	var g gathering
	if err := g.add(update); err != nil {
		return nil, err
	}
	sv := StateVector{}
	for client, runs := range g.runs {
		if runs[0].clock == 0 {
			sv[client] = runs[0].end
		}
	}
	return sv, nil
}

// DiffUpdate returns what of an update a peer at sv lacks. The delete set stays whole.
// Gaps remain Skips, but no section begins with one.
func DiffUpdate(update []byte, sv StateVector) ([]byte, error) {
	var g gathering
	if err := g.add(update); err != nil {
		return nil, err
	}
	return g.encode(sv), nil
}

// MergeUpdates makes one update of many, in any order: applying it does what applying
// each of them does. Gaps between what one client wrote become Skips, what comes
// twice is taken once. Neighbours are not joined, as that takes a document; GCs are. A
// single update comes back as it is, in a slice of its own. Time is linear in the bytes
// when each client's structs come in order, and has a logarithm in it when not.
func MergeUpdates(updates ...[]byte) ([]byte, error) {
	if len(updates) == 1 {
		return bytes.Clone(updates[0]), ValidateUpdate(updates[0])
	}
	var g gathering
	for _, u := range updates {
		if err := g.add(u); err != nil {
			return nil, err
		}
	}
	return g.encode(nil), nil
}

// gathering is the contents of some updates by client. Its slices are views into them.
type gathering struct {
	runs    map[uint64][]run // without Skips, never empty, as they came
	deletes deleteSet
	size    int // bytes of all updates
	parsed  parsed
}

// add checks an update and takes it in.
func (g *gathering) add(update []byte) error {
	if err := g.parsed.parse(update); err != nil {
		return err
	}
	if g.runs == nil {
		g.runs = map[uint64][]run{}
	}
	for i := range g.parsed.sources {
		s := &g.parsed.sources[i]
		if runs := appendRuns(g.runs[s.client], s); len(runs) > 0 {
			g.runs[s.client] = runs
		}
	}
	g.deletes = append(g.deletes, g.parsed.deletes...)
	g.size += len(update)
	return nil
}

// appendRuns divides what s has at its Skips.
func appendRuns(runs []run, s *source) []run {
	var w wire
	for s.now.structs > 0 {
		r := run{clock: s.now.clock, raw: s.now.raw}
		skip := 0 // bytes of the Skip that ends the run
		for skip == 0 && s.now.structs > 0 {
			size, _ := s.peek(&w)
			s.advance(w.length, size)
			if w.kind == kindSkip {
				skip = size
				continue
			}
			r.structs++
			r.end = w.end()
		}
		if r.structs > 0 {
			r.raw = r.raw[:len(r.raw)-len(s.now.raw)-skip]
			runs = append(runs, r)
		}
	}
	return runs
}

// encode writes what was gathered from sv on.
func (g *gathering) encode(sv StateVector) []byte {
	clients := make([]uint64, 0, len(g.runs))
	for client := range g.runs {
		clients = append(clients, client)
	}
	slices.Sort(clients)
	sections := 0
	body, section := make([]byte, 0, g.size+16), []byte(nil)
	for _, client := range slices.Backward(clients) {
		runs := g.runs[client]
		if !slices.IsSortedFunc(runs, compareRuns) {
			slices.SortStableFunc(runs, compareRuns)
		}
		var structs int
		var first uint64
		section, structs, first = appendMerged(section[:0], client, runs, sv[client])
		if structs == 0 {
			continue
		}
		body = lib0.AppendUvarint(body, uint64(structs))
		body = appendID(body, client, first)
		body = append(body, section...)
		sections++
	}
	dst := lib0.AppendUvarint(make([]byte, 0, len(body)+16), uint64(sections))
	return g.deletes.normalise().append(append(dst, body...))
}

func compareRuns(a, b run) int {
	switch {
	case a.clock < b.clock:
		return -1
	case a.clock > b.clock:
		return 1
	}
	return 0
}

// appendMerged writes the structs of one client from clock from on, each unit once,
// and says how many structs that makes, Skips included, and where they begin. runs
// ascend in clock. As a run has no gaps, the one that begins first is taken to its
// end: what others have in between is the same.
func appendMerged(dst []byte, client uint64, runs []run, from uint64) (_ []byte, structs int, first uint64) {
	src := source{client: client, more: runs}
	var w wire
	gc := uint64(0) // length of a GC that is not written yet
	flush := func() {
		if gc > 0 {
			dst = lib0.AppendUvarint(append(dst, byte(kindGC)), gc)
			gc = 0
			structs++
		}
	}
	begun := false
	for {
		size, ok := src.peek(&w)
		if !ok {
			flush()
			return dst, structs, first
		}
		src.advance(w.length, size)
		if w.end() <= from {
			continue
		}
		at := max(from, w.clock)
		if !begun {
			begun, first = true, at
		} else if at > from {
			flush()
			dst = lib0.AppendUvarint(append(dst, byte(kindSkip)), at-from)
			structs++
		}
		from = w.end()
		if w.kind == kindGC {
			gc += from - at
			continue
		}
		flush()
		if !w.hasParent() || at > w.clock {
			w.info &^= infoKey // says nothing here, and Yjs does not write it either
		}
		dst = w.append(dst, at-w.clock)
		structs++
	}
}
