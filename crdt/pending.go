package crdt

import (
	"cmp"
	"slices"

	"weft/crdt/internal/codec"
)

// Limits on the pending structs and deletions of a document. For a document that is still empty they are
// twice as high, so that a stored state can always be loaded again.
const (
	MaxPendingBytes   = 1 << 20 // of encoded structs
	MaxPendingStructs = 10_000
	MaxPendingDeletes = 10_000 // ranges of delete sets
)

// pending is what arrived before its dependencies: structs that depend on unknown units,
// and deletes of unknown units (pendingStructs and pendingDs in Yjs). It is part of the
// full state, but not of the state vector.
//
// A delete of units that are not written yet will delete them when they arrive, as in Yjs.
// Whether its author may do that is for the caller to decide.
type pending struct {
	clients []pendingClient // by client, highest first
	deletes codec.DeleteSet // in normal form; all clocks are at or above the known state
	structs int
	bytes   int

	// By client, the lowest clock on which any pending struct depends, or a lower one.
	// With it an update on which nothing depends is handled at once, however much is
	// pending. nil if it must be computed: see indexDependencies.
	dependencies map[uint64]uint64
}

// pendingClient is one client's pending structs.
type pendingClient struct {
	client    uint64
	runs      []run    // ascending in clock and in end; may overlap. No Skips; never empty
	dependsOn codec.ID // the unit on which the first struct depends
	isReady   bool     // that unit has arrived; dependsOn is then unused
}

// isEmpty reports whether nothing is pending.
func (p *pending) isEmpty() bool { return len(p.clients) == 0 && len(p.deletes) == 0 }

// keepUndelivered adds the structs of a source that were not delivered, and reports
// whether any of them are new. Their bytes are copied.
func (p *pending) keepUndelivered(s *source, to sink) (added bool) {
	for s.now.structs > 0 {
		added = p.keepRun(s) || added
	}
	if i, found := p.find(s.client); found {
		p.updateDependency(i, to)
	}
	return added
}

// keepRun adds the structs of s up to the next Skip.
func (p *pending) keepRun(s *source) (added bool) {
	var w codec.Struct
	r := run{raw: s.now.raw}
	size, _ := s.peek(&w)
	for w.Kind != kindSkip {
		if r.structs == 0 {
			r.clock = w.Clock
		}
		r.structs++
		r.end = w.End()
		s.advance(w.Length, size)
		if s.now.structs == 0 {
			break
		}
		size, _ = s.peek(&w)
	}
	if r.structs == 0 {
		s.advance(w.Length, size) // the Skip
		return false
	}
	r.raw = r.raw[:len(r.raw)-len(s.now.raw)]
	return p.add(s.client, r)
}

// find returns the index of a client in p.clients, or where it would be.
func (p *pending) find(client uint64) (i int, found bool) {
	return slices.BinarySearchFunc(p.clients, client, func(w pendingClient, client uint64) int {
		return cmp.Compare(client, w.client)
	})
}

// add adds a copy of a run, unless existing runs cover it. Existing runs that it covers
// are removed. It reports whether it added the run.
func (p *pending) add(client uint64, r run) bool {
	i, found := p.find(client)
	if !found {
		p.clients = slices.Insert(p.clients, i, pendingClient{client: client})
	}
	w := &p.clients[i]
	at, _ := slices.BinarySearchFunc(w.runs, r.clock, func(a run, clock uint64) int {
		return cmp.Compare(a.clock, clock)
	})
	covered := r.clock
	for i := max(at-1, 0); i < len(w.runs) && w.runs[i].clock <= covered; i++ {
		covered = max(covered, w.runs[i].end)
	}
	if covered >= r.end {
		return false
	}
	over := at
	for over < len(w.runs) && w.runs[over].end <= r.end {
		p.structs -= w.runs[over].structs
		p.bytes -= len(w.runs[over].raw)
		over++
	}
	p.structs += r.structs
	p.bytes += len(r.raw)
	if at > 0 && w.runs[at-1].end == r.clock {
		w.runs = slices.Delete(w.runs, at, over)
		prev := &w.runs[at-1]
		prev.raw = append(prev.raw, r.raw...)
		prev.structs += r.structs
		prev.end = r.end
		return true
	}
	r.raw = slices.Clone(r.raw)
	w.runs = slices.Replace(w.runs, at, over, r)
	return true
}

// sources returns all pending structs as sources for a delivery.
func (p *pending) sources() sources {
	ss := make(sources, len(p.clients))
	for i, w := range p.clients {
		ss[i] = source{client: w.client, more: w.runs}
	}
	return ss
}

// replace replaces all pending structs by those of ss that were not delivered.
func (p *pending) replace(ss sources, to sink) {
	p.clients, p.structs, p.bytes, p.dependencies = p.clients[:0], 0, 0, nil
	var w codec.Struct
	for i := range ss {
		s := &ss[i]
		if _, ok := s.peek(&w); !ok {
			continue
		}
		kept := pendingClient{client: s.client, runs: s.more}
		if s.now.structs > 0 {
			kept.runs = append([]run{s.now}, s.more...)
		}
		kept.dependsOn, kept.isReady = missingDependency(&w, to)
		for _, r := range kept.runs {
			p.structs += r.structs
			p.bytes += len(r.raw)
		}
		p.clients = append(p.clients, kept)
	}
}

// hasReady reports whether the dependency of any client's first struct has arrived.
func (p *pending) hasReady(to sink) bool {
	for i := range p.clients {
		if c := &p.clients[i]; c.isReady || c.dependsOn.Clock < to.state(c.dependsOn.Client) {
			return true
		}
	}
	return false
}

// isUnblockedBy reports whether a dependency of pending structs has arrived: with an
// update of the clients of ss, or by local edits of the client own. Pending structs that
// themselves arrived with the update count as well.
func (p *pending) isUnblockedBy(ss sources, own uint64, to sink) bool {
	if len(p.clients) == 0 {
		return false
	}
	for i := range ss {
		if i, found := p.find(ss[i].client); found {
			p.updateDependency(i, to)
		}
	}
	came := func(client uint64) bool {
		clock, found := p.dependencies[client]
		return found && clock < to.state(client)
	}
	if p.dependencies != nil && !came(own) && !slices.ContainsFunc(ss, func(s source) bool { return came(s.client) }) {
		return false
	}
	p.indexDependencies()
	return p.hasReady(to)
}

// isAffectedBy reports whether anything pending could be integrated or deleted after a dry
// run.
func (p *pending) isAffectedBy(to *dryRun) bool {
	if p.dependencies == nil {
		p.indexDependencies()
	}
	for client, end := range to.states {
		if clock, found := p.dependencies[client]; found && clock < end {
			return true
		}
		if _, found := p.find(client); found {
			return true
		}
		if i, _ := p.deletes.Search(client, end); i > 0 && p.deletes[i-1].Client == client {
			return true
		}
	}
	return false
}

// indexDependencies computes p.dependencies.
func (p *pending) indexDependencies() {
	p.dependencies = make(map[uint64]uint64, len(p.clients))
	for i := range p.clients {
		p.addDependency(p.clients[i].dependsOn)
	}
}

// addDependency enters a unit into p.dependencies.
func (p *pending) addDependency(on codec.ID) {
	if clock, found := p.dependencies[on.Client]; !found || on.Clock < clock {
		p.dependencies[on.Client] = on.Clock
	}
}

// updateDependency updates the dependency of the i-th client's first struct.
func (p *pending) updateDependency(i int, to sink) {
	c := &p.clients[i]
	c.updateDependency(to)
	if c.isReady || len(p.dependencies) > 2*len(p.clients)+16 { // some entries are outdated
		p.dependencies = nil
	}
	if p.dependencies != nil {
		p.addDependency(c.dependsOn)
	}
}

// deliverReady delivers pending structs until none is ready. One pass is not enough, since
// structs that were pending may be dependencies of others.
func (p *pending) deliverReady(to sink, v *delivery) {
	for p.hasReady(to) {
		ss := p.sources()
		v.deliver(ss, to)
		p.replace(ss, to)
	}
}

// updateDependency updates the dependency of the client's first struct.
func (c *pendingClient) updateDependency(to sink) {
	var w codec.Struct
	s := source{client: c.client, more: c.runs}
	s.peek(&w)
	c.dependsOn, c.isReady = missingDependency(&w, to)
}
