package crdt

import "weft/crdt/lib0"

// run is consecutive structs of one client, encoded back to back.
type run struct {
	clock   uint64 // of the first struct
	end     uint64 // of the last; 0 in a run fresh from an update, which may hold Skips
	structs int
	raw     []byte
}

// source is what one client has on offer: a run being read, and more behind it, by
// ascending clock. Reading cannot fail: the bytes were checked before.
type source struct {
	client  uint64
	now     run   // what is left of the current run
	more    []run // further runs
	waiting bool  // on the stack: its next struct needs something first
	blocked bool  // its next struct needs something that nobody has
}

// peek decodes the next struct into w, without moving on, and tells whether there is
// one. size is its number of bytes.
func (s *source) peek(w *wire) (size int, ok bool) {
	for s.now.structs == 0 {
		if len(s.more) == 0 {
			return 0, false
		}
		s.now, s.more = s.more[0], s.more[1:]
	}
	r := lib0.NewReader(s.now.raw)
	if err := w.read(&r, s.client, s.now.clock); err != nil {
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

// sink takes structs in causal order: each after all that it builds on.
type sink interface {
	state(client uint64) uint64
	take(w *wire, skip uint64) // units before skip are known already
}

// sources are ordered by client, highest first, one for each.
type sources []source

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

// deliver hands to all structs of the sources that fit, clients from the highest id
// to the lowest. The order matters to nobody but those who wrote at the same place
// at the same time: descending, each finds its place after a short walk.
//
// A struct that builds on another client's waits on a stack while that client's
// are delivered. When one finds something missing that no source has, all sources on
// the stack are blocked and keep the rest. A source that is on the stack already
// cannot help: its structs and those above it want each other first.
//
// stack is scratch, and is returned to be used again.
func deliver(ss sources, to sink, stack []frame) []frame {
	stack = stack[:0]
	for i := range ss {
		for !ss[i].blocked {
			if stack = push(stack, &ss[i]); len(stack) == 0 {
				break
			}
			for len(stack) > 0 {
				top := &stack[len(stack)-1]
				if w := &top.w; w.kind != kindSkip {
					if on, ok := missing(w, to); !ok {
						depth := len(stack)
						if dep := ss.find(on.Client); dep != nil && !dep.blocked && !dep.waiting {
							stack = push(stack, dep)
						}
						if len(stack) > depth {
							continue
						}
						for i := range stack {
							stack[i].s.blocked, stack[i].s.waiting = true, false
						}
						stack = stack[:0]
						break
					}
					if state := to.state(w.client); state < w.end() {
						to.take(w, state-w.clock)
					}
				}
				top.s.advance(top.w.length, top.size)
				top.s.waiting = false
				stack = stack[:len(stack)-1]
			}
		}
	}
	return stack[:0]
}

// frame is a struct on the stack of deliver.
type frame struct {
	s    *source
	w    wire
	size int // bytes of w
}

// push puts the next struct of s on the stack, if there is one.
func push(stack []frame, s *source) []frame {
	stack = append(stack, frame{s: s})
	top := &stack[len(stack)-1]
	var ok bool
	if top.size, ok = s.peek(&top.w); !ok {
		return stack[:len(stack)-1]
	}
	s.waiting = true
	return stack
}

// missing returns the first unit that w needs and to lacks; ok if there is none. What
// is known already needs nothing, and what is known in part does not need what its
// first unit was built on.
func missing(w *wire, to sink) (on ID, ok bool) {
	state := to.state(w.client)
	if w.clock > state {
		return ID{w.client, w.clock - 1}, false
	}
	lacks := func(id ID) bool { return id.Client != w.client && id.Clock >= to.state(id.Client) }
	switch {
	case w.end() <= state || !w.kind.isItem():
	case w.clock == state && w.hasOrigin() && lacks(w.origin):
		return w.origin, false
	case w.hasRightOrigin() && lacks(w.rightOrigin):
		return w.rightOrigin, false
	case w.clock == state && w.hasParent() && !w.rooted && lacks(w.parent):
		return w.parent, false
	}
	return ID{}, true
}
