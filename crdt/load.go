package crdt

import (
	"cmp"
	"math/bits"
	"slices"

	"weft/crdt/lib0"
)

// This file is a second way in, for a whole state that meets an empty document: what
// every server does first. The bytes are read once, straight into the arena, and the
// items are linked afterwards. It takes only what is complete. Whatever is odd (bytes
// that are refused, gaps, something to wait for) it leaves to the first way, which
// finds the document empty as before.

// minLoad is the size from which on the shorter way pays, in bytes.
const minLoad = 256

// staging is one client's part of a state that is being linked: the items [next, end)
// of the arena are not in their places yet.
type staging struct {
	next, end ref
	waiting   bool // on the stack, as its next item builds on another client's

	// About one entry for each item, if there are many: by clock>>shift, the item that
	// holds the clock clock>>shift<<shift. Cutting an item may leave it a little off.
	byClock []ref
	shift   uint8
}

// index fills byClock.
func (st *staging) index(items []item, state uint32) {
	n := int(st.end - st.next)
	if n < 16 {
		return
	}
	st.shift = uint8(max(0, bits.Len32(state)-bits.Len(uint(n))))
	st.byClock = make([]ref, 0, int((state-1)>>st.shift)+1)
	for r := st.next; r < st.end; r++ {
		for uint64(len(st.byClock))<<st.shift < uint64(items[r].end()) {
			st.byClock = append(st.byClock, r)
		}
	}
}

// find is the item that holds the given unit, 0 if it must be searched for.
func (st *staging) find(items []item, clock uint32) ref {
	if st.byClock == nil {
		return 0
	}
	r := st.byClock[clock>>st.shift]
	for range 4 {
		if clock < items[r].end() {
			if items[r].clock <= clock {
				return r
			}
			break
		}
		if r++; r == st.end {
			break
		}
	}
	return 0
}

// mayLoad tells whether the document is empty and nobody wants to hear what changes.
func (d *Doc) mayLoad() bool {
	return len(d.store.clients) == 0 && d.pending.empty() && !d.watched()
}

// load makes a complete state, which stage reads, the content of an empty document. Not
// ok: nothing has changed.
func (d *Doc) load(stage func() bool) (ok bool) {
	d.tx.begin()
	u := &d.parsed
	u.deletes = u.deletes[:0]
	work := d.store.budget
	if ok = stage() && d.linkStaged(); ok {
		d.tx.applyDeletes(u.deletes.normalise())
		ok = len(d.pending.deletes) <= MaxPendingDeletes
	}
	if ok {
		d.tx.commit()
		d.cache.deletes = nil // tombstones came along
	} else {
		items, bytes := d.store.items, d.store.bytes // not to be made again by the first way
		clear(items)
		d.reset()
		d.store.budget = work
		d.store.items, d.store.bytes = append(items[:0], item{}), bytes[:0]
	}
	d.staged = nil
	u.release()
	return ok
}

// stage reads all of an update into the arena, by client and clock.
func (d *Doc) stage(update []byte) bool {
	s, u := &d.store, &d.parsed
	r := lib0.NewReader(update)
	sections, err := r.Count(5) // the least a section takes that is not empty
	if err != nil || sections >= maxClients {
		return false
	}
	s.bytes = make([]byte, 0, len(update)/2)
	d.growClients(sections)
	d.staged = slices.Grow(d.staged, sections)
	for ; sections > 0; sections-- {
		n, err := r.Count(2)
		if err != nil || n == 0 {
			return false
		}
		client, err := r.Uvarint()
		if err != nil {
			return false
		}
		if clock, err := r.Uvarint(); err != nil || clock != 0 {
			return false
		}
		s.growItems(n, r.Offset(), r.Len())
		if !d.stageClient(&r, client, n) {
			return false
		}
	}
	if u.deletes, err = readDeletes(&r, u.deletes); err != nil || r.Len() > 0 {
		return false
	}
	if cap(s.bytes)-len(s.bytes) > len(s.bytes)/8 {
		s.bytes = append(make([]byte, 0, len(s.bytes)), s.bytes...)
	}
	return true
}

// growItems makes room for n more items. If so many bytes gave the items that there are,
// the rest of a large state will be much the same: one allocation then, instead of ever
// larger ones.
func (s *store) growItems(n, read, rest int) {
	have := len(s.items)
	if cap(s.items)-have >= n {
		return
	}
	if have > 1024 {
		n = max(n, int(float64(have)/float64(read)*float64(rest)))
	}
	s.items = append(make([]item, 0, max(have+n, have+have/4)), s.items...)
}

// stageClient reads a section of n structs.
func (d *Doc) stageClient(r *lib0.Reader, client uint64, n int) bool {
	s, w := &d.store, &d.parsed.w
	c := s.client(client)
	if len(s.clients[c].tail) > 0 {
		return false // a second section
	}
	first := ref(len(s.items))
	clock := uint64(0)
	for ; n > 0; n-- {
		if err := w.read(r, client, clock); err != nil || w.kind == kindSkip {
			return false
		}
		s.clients[c].push(s.stageItem(w, c))
		clock = w.end()
	}
	d.stageLog(c, first, uint32(clock))
	return true
}

// stageLog ends a section of staged items from first on.
func (d *Doc) stageLog(c clientRef, first ref, state uint32) {
	s := &d.store
	log := &s.clients[c]
	log.state, log.touched = state, true
	d.tx.touched = append(d.tx.touched, c)
	for int(c) >= len(d.staged) {
		d.staged = append(d.staged, staging{})
	}
	d.staged[c] = staging{next: first, end: ref(len(s.items))}
	d.staged[c].index(s.items, log.state)
}

// stageItem turns a struct into an item that has no place yet. Where the parent is
// nested, it may come later in the same bytes: left and right hold its ID until then,
// and place the key.
func (s *store) stageItem(w *wire, c clientRef) ref {
	r := ref(len(s.items))
	s.items = append(s.items, item{
		clock: uint32(w.clock), length: uint32(w.length), meta: newMeta(c, w.kind),
		originClient: noClient, rightClient: noClient,
	})
	it := &s.items[r]
	if w.kind == kindGC || w.kind == kindDeleted {
		it.meta |= metaDeleted
	}
	if w.kind == kindGC {
		return r
	}
	if w.hasOrigin() {
		it.originClient, it.originClock = s.client(w.origin.Client), uint32(w.origin.Clock)
	}
	if w.hasRightOrigin() {
		it.rightClient, it.rightClock = s.client(w.rightOrigin.Client), uint32(w.rightOrigin.Clock)
	}
	if w.hasParent() {
		var key nameRef
		if w.hasKey() {
			key = s.names.intern(w.key)
		}
		if w.rooted {
			it.place = s.placeOf(s.root(w.root), key)
		} else {
			it.meta |= metaNested
			it.left, it.right, it.place = ref(s.client(w.parent.Client)), ref(w.parent.Clock), placeRef(key)
		}
	}
	s.fill(r, w, 0)
	return r
}

// linkStaged brings all staged items into their places, each after those that it builds
// on. Not ok: something is not there.
func (d *Doc) linkStaged() bool {
	slices.SortFunc(d.tx.touched, func(a, b clientRef) int { // as deliver does
		return cmp.Compare(d.store.clients[b].id, d.store.clients[a].id)
	})
	var stack []clientRef
	for _, c := range d.tx.touched {
		for st := &d.staged[c]; st.next < st.end; {
			on, ok := d.linkNext(c)
			if ok {
				continue
			}
			// c waits for on, and on perhaps for another one.
			stack = append(stack[:0], c)
			st.waiting = true
			for len(stack) > 0 {
				if !ok {
					if int(on) >= len(d.staged) || d.staged[on].waiting || d.staged[on].next == d.staged[on].end {
						return false
					}
					d.staged[on].waiting = true
					stack = append(stack, on)
				}
				top := stack[len(stack)-1]
				if on, ok = d.linkNext(top); ok {
					d.staged[top].waiting = false
					stack = stack[:len(stack)-1]
				}
			}
		}
	}
	return true
}

// linkNext brings the next item of a client into its place, or tells which client must
// go on first. An item that cannot be placed at all is blamed on noClient.
func (d *Doc) linkNext(c clientRef) (on clientRef, ok bool) {
	s, tx := &d.store, &d.tx
	r := d.staged[c].next
	it := &s.items[r]
	switch {
	case it.kind() == kindGC:
		d.staged[c].next++
		return 0, true
	case it.hasOrigin() && d.lacks(it.originClient, it.originClock, c):
		return it.originClient, false
	case it.hasRight() && d.lacks(it.rightClient, it.rightClock, c):
		return it.rightClient, false
	case it.meta&metaNested != 0 && d.lacks(clientRef(it.left), uint32(it.right), c):
		return clientRef(it.left), false
	}

	var left, right ref
	if it.hasOrigin() {
		left = d.staged[it.originClient].find(s.items, it.originClock)
		if left == 0 || s.items[left].end() != it.originClock+1 {
			left = tx.endingAt(it.originClient, it.originClock)
			it = &s.items[r]
		}
	}
	if it.hasRight() {
		right = d.staged[it.rightClient].find(s.items, it.rightClock)
		if right == 0 || s.items[right].clock != it.rightClock {
			right = tx.startingAt(it.rightClient, it.rightClock)
			it = &s.items[r]
		}
	}
	switch {
	case left != 0:
		it.place = s.items[left].place
	case right != 0:
		it.place = s.items[right].place
	case it.meta&metaNested != 0:
		owner := &s.items[s.at(clientRef(it.left), uint32(it.right))]
		if owner.kind() != kindType {
			return noClient, false
		}
		it.place = s.placeOf(typeRef(owner.data), nameRef(it.place))
		it.meta &^= metaNested
		it.left, it.right = 0, 0
	}
	if it.place == 0 || right != 0 && s.items[right].place == 0 {
		return noClient, false // a neighbour is gone: rare, and not for here
	}
	tx.link(r, s.place(r, left, right))
	d.staged[c].next++
	return noClient, s.work <= s.budget
}

// lacks tells whether a unit that c's next item builds on has no place yet.
func (d *Doc) lacks(client clientRef, clock uint32, c clientRef) bool {
	if client == c {
		return false // an earlier unit of its own
	}
	if int(client) >= len(d.staged) {
		return true
	}
	st := &d.staged[client]
	if st.next < st.end {
		return clock >= d.store.items[st.next].clock
	}
	return clock >= d.store.clients[client].state
}
