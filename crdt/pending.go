package crdt

import (
	"cmp"
	"slices"

	"weft/crdt/internal/codec"
)

// Limits on what a document holds for updates that have not come. A document that is
// still empty takes twice as much, so that a stored state can always be loaded again.
const (
	MaxPendingBytes   = 1 << 20 // of encoded structs
	MaxPendingStructs = 10_000
	MaxPendingDeletes = 10_000 // ranges
)

// pending is what came too early: structs that build on unknown ones, and deletes of
// unknown units. It is part of the full state, though not of the state vector. A delete
// of units that nobody has written yet will delete them when they come, as in Yjs:
// whether a writer is entitled to that is for the caller to decide.
type pending struct {
	clients []waiting       // by client, highest first
	deletes codec.DeleteSet // in normal form; all of it at or beyond the known state
	structs int
	bytes   int

	// By client, the least clock that any waits for, or less: an update that nobody waits for
	// is done with at once, however many wait. nil if it must be made.
	awaited map[uint64]uint64
}

// waiting is one client's pending structs.
type waiting struct {
	client uint64
	runs   []run    // ascending in clock and in end; they may overlap. No Skips; never empty
	on     codec.ID // what the first struct waits for,
	fits   bool     // unless it waits no longer
}

func (p *pending) empty() bool { return len(p.clients) == 0 && len(p.deletes) == 0 }

// park keeps what a source of an update could not deliver. raw bytes are copied. It
// tells whether any of it is new.
func (p *pending) park(s *source, to sink) (added bool) {
	for s.now.structs > 0 {
		added = p.parkRun(s) || added
	}
	if i, found := p.find(s.client); found {
		p.look(i, to)
	}
	return added
}

// parkRun parks the structs of s up to the next Skip.
func (p *pending) parkRun(s *source) (added bool) {
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

func (p *pending) find(client uint64) (i int, found bool) {
	return slices.BinarySearchFunc(p.clients, client, func(w waiting, client uint64) int {
		return cmp.Compare(client, w.client)
	})
}

// add copies a run in, unless what is here covers it. Runs that it covers go.
func (p *pending) add(client uint64, r run) bool {
	i, found := p.find(client)
	if !found {
		p.clients = slices.Insert(p.clients, i, waiting{client: client})
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

// sources offers all pending structs for delivery.
func (p *pending) sources() sources {
	ss := make(sources, len(p.clients))
	for i, w := range p.clients {
		ss[i] = source{client: w.client, more: w.runs}
	}
	return ss
}

// keep replaces all pending structs by what ss did not deliver, and finds out what
// each client waits for.
func (p *pending) keep(ss sources, to sink) {
	p.clients, p.structs, p.bytes, p.awaited = p.clients[:0], 0, 0, nil
	var w codec.Struct
	for i := range ss {
		s := &ss[i]
		if _, ok := s.peek(&w); !ok {
			continue
		}
		kept := waiting{client: s.client, runs: s.more}
		if s.now.structs > 0 {
			kept.runs = append([]run{s.now}, s.more...)
		}
		kept.on, kept.fits = missing(&w, to)
		for _, r := range kept.runs {
			p.structs += r.structs
			p.bytes += len(r.raw)
		}
		p.clients = append(p.clients, kept)
	}
}

// ready tells whether something that pending structs wait for has come.
func (p *pending) ready(to sink) bool {
	for i := range p.clients {
		if c := &p.clients[i]; c.fits || c.on.Clock < to.state(c.on.Client) {
			return true
		}
	}
	return false
}

// wakes tells whether something that pending structs wait for has come with an update
// of these clients, or with edits made here, by the client own. What waited itself may have
// come by another way.
func (p *pending) wakes(ss sources, own uint64, to sink) bool {
	if len(p.clients) == 0 {
		return false
	}
	for i := range ss {
		if i, found := p.find(ss[i].client); found {
			p.look(i, to)
		}
	}
	came := func(client uint64) bool {
		clock, found := p.awaited[client]
		return found && clock < to.state(client)
	}
	if p.awaited != nil && !came(own) && !slices.ContainsFunc(ss, func(s source) bool { return came(s.client) }) {
		return false
	}
	p.awaitAll()
	return p.ready(to)
}

// concerned tells whether any of what is pending may fit or be known after a rehearsal.
func (p *pending) concerned(to *rehearsal) bool {
	if p.awaited == nil {
		p.awaitAll()
	}
	for client, end := range to.ends {
		if clock, found := p.awaited[client]; found && clock < end {
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

// awaitAll makes awaited.
func (p *pending) awaitAll() {
	p.awaited = make(map[uint64]uint64, len(p.clients))
	for i := range p.clients {
		p.await(p.clients[i].on)
	}
}

// await notes that something waits for a unit.
func (p *pending) await(on codec.ID) {
	if clock, found := p.awaited[on.Client]; !found || on.Clock < clock {
		p.awaited[on.Client] = on.Clock
	}
}

// look finds out what the first struct of the i-th client waits for.
func (p *pending) look(i int, to sink) {
	c := &p.clients[i]
	c.look(to)
	if c.fits || len(p.awaited) > 2*len(p.clients)+16 { // some is of the past
		p.awaited = nil
	}
	if p.awaited != nil {
		p.await(c.on)
	}
}

// settle delivers pending structs until nothing more fits. One pass is not enough:
// what one client waits for may itself have been waiting.
func (p *pending) settle(to sink, v *delivery) {
	for p.ready(to) {
		ss := p.sources()
		v.deliver(ss, to)
		p.keep(ss, to)
	}
}

// look finds out what one client's first struct waits for.
func (c *waiting) look(to sink) {
	var w codec.Struct
	s := source{client: c.client, more: c.runs}
	s.peek(&w)
	c.on, c.fits = missing(&w, to)
}
