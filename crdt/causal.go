package crdt

import (
	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// run is consecutive structs of one client, encoded back to back in format V1.
type run struct {
	clock   uint64 // of the first struct
	end     uint64 // of the last struct; 0 in a run of an update, which may hold Skips
	structs int
	raw     []byte
}

// source is the structs that one client offers for delivery: a run that is being read, and
// further runs by ascending clock. Reading cannot fail, because the bytes were checked
// before.
type source struct {
	client  uint64
	now     run   // the rest of the current run
	more    []run // further runs
	onStack bool  // its next struct waits for another source: see deliver
	blocked bool  // its next struct has a dependency that no source has
}

// peek decodes the next struct into w without advancing. ok is false if there is none;
// size is its number of bytes.
func (s *source) peek(w *codec.Struct) (size int, ok bool) {
	for s.now.structs == 0 {
		if len(s.more) == 0 {
			return 0, false
		}
		s.now, s.more = s.more[0], s.more[1:]
	}
	r := lib0.NewReader(s.now.raw)
	if err := w.Read(&r, s.client, s.now.clock); err != nil {
		panic("crdt: bytes that were checked cannot be read: " + err.Error())
	}
	return r.Offset(), true
}

// advance moves past a struct of so many units and bytes.
func (s *source) advance(units uint64, size int) {
	s.now.clock += units
	s.now.structs--
	s.now.raw = s.now.raw[size:]
}

// sink receives structs in causal order: each one after all its dependencies.
type sink interface {
	state(client uint64) uint64
	receive(w *codec.Struct, skip uint64) // the first skip units of w are known already
}

// sources are the sources of an update, one for each client, highest client id first.
type sources []source

// find returns the source of a client, nil if there is none.
func (ss sources) find(client uint64) *source {
	lo, hi := 0, len(ss)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if ss[mid].client > client {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(ss) && ss[lo].client == client {
		return &ss[lo]
	}
	return nil
}

// size counts the structs that are left, and their bytes.
func (ss sources) size() (structs, bytes int) {
	for i := range ss {
		structs += ss[i].now.structs
		bytes += len(ss[i].now.raw)
		for _, r := range ss[i].more {
			structs += r.structs
			bytes += len(r.raw)
		}
	}
	return structs, bytes
}

// deliver gives all structs of the sources whose dependencies are known to the sink,
// client by client from the highest id to the lowest. This order matters only for the time
// that conflicts take: of items inserted concurrently at one place, each then finds its
// place after a short scan.
//
// A struct that depends on a struct of another source stays on a stack while that source
// is delivered. If a dependency is in no source, all sources on the stack are blocked and
// keep the rest of their structs. The same holds if the dependency is in a source that is
// on the stack already: these structs depend on one another.
func (v *delivery) deliver(ss sources, to sink) {
	v.stack = v.stack[:0]
	for i := range ss {
		for !ss[i].blocked && v.push(&ss[i]) {
			for len(v.stack) > 0 {
				v.step(ss, to)
			}
		}
	}
}

// delivery is the scratch memory of deliver.
type delivery struct {
	stack []*source
	w     codec.Struct // the next struct of the source on top of the stack
	size  int          // bytes of w
}

// push puts a source on the stack. It returns false if the source has nothing left.
func (v *delivery) push(s *source) bool {
	var ok bool
	if v.size, ok = s.peek(&v.w); ok {
		s.onStack = true
		v.stack = append(v.stack, s)
	}
	return ok
}

// step delivers the next struct of the source on top of the stack, or pushes the source on
// which that struct depends, or blocks the whole stack.
func (v *delivery) step(ss sources, to sink) {
	top := len(v.stack) - 1
	s, w := v.stack[top], &v.w
	if w.Kind != kindSkip {
		if on, ok := missingDependency(w, to); !ok {
			if dep := ss.find(on.Client); dep != nil && !dep.blocked && !dep.onStack && v.push(dep) {
				return
			}
			for _, s := range v.stack {
				s.blocked, s.onStack = true, false
			}
			v.stack = v.stack[:0]
			return
		}
		if state := to.state(w.Client); state < w.End() {
			to.receive(w, state-w.Clock)
		}
	}
	s.advance(w.Length, v.size)
	s.onStack = false
	if v.stack = v.stack[:top]; top > 0 {
		v.size, _ = v.stack[top-1].peek(w) // w was overwritten
	}
}

// release drops the references to the bytes that were delivered.
func (v *delivery) release() {
	if cap(v.stack) > 64 {
		v.stack = nil
	}
	clear(v.stack[:cap(v.stack)])
	v.w = codec.Struct{}
}

// missingDependency returns the first unit on which w depends and that the sink does not
// know; ok is true if there is none. A struct that is known already depends on nothing. If
// its first units are known, it does not depend on what its first unit depends on.
func missingDependency(w *codec.Struct, to sink) (on codec.ID, ok bool) {
	state := to.state(w.Client)
	if w.Clock > state {
		return codec.ID{Client: w.Client, Clock: w.Clock - 1}, false
	}
	lacks := func(id codec.ID) bool { return id.Client != w.Client && id.Clock >= to.state(id.Client) }
	switch {
	case w.End() <= state || !w.Kind.IsItem():
	case w.Clock == state && w.HasOrigin() && lacks(w.Origin):
		return w.Origin, false
	case w.HasRightOrigin() && lacks(w.RightOrigin):
		return w.RightOrigin, false
	case w.Clock == state && w.HasParent() && !w.InRoot && lacks(w.Parent):
		return w.Parent, false
	}
	return codec.ID{}, true
}
