package crdt

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// This file is a faster way to apply an update: for a whole state that meets an empty
// document, which is what servers do most. The bytes are read once, directly into the
// arena, and the items are linked afterwards:
//
//	stage: bytes → items with origins, in logs → linkStaged: items in their lists → commit
//
// It accepts only complete states. Anything else (malformed bytes, missing clocks, missing
// dependencies) it leaves to the general way (apply.go), which finds the document empty as
// before.

// minLoad is the size of an update, in bytes, from which on this way is faster.
const minLoad = 256

// staging is one client's part of a state that is being linked. The items [next, end) of
// the arena are not linked into their lists yet.
type staging struct {
	next, end ref
	onStack   bool // its next item waits for another client: see linkStaged

	// An index to find items by clock; only if there are many. starts holds the clock at
	// which each item began when it was read, and where the last one ended. byClock holds
	// the number of the item, counted from first, that held the clock i<<shift. Items
	// that were split since are found by their left part.
	first   ref
	starts  []uint32
	byClock []uint32
	shift   uint8
}

// index computes byClock, about one entry for each item.
func (st *staging) index() {
	n := len(st.starts) - 1
	if n < 16 {
		return
	}
	state := st.starts[n]
	st.shift = uint8(max(0, bits.Len32(state)-bits.Len(uint(n))))
	st.byClock = make([]uint32, (state-1)>>st.shift+1)
	at := uint32(0)
	for i := range st.byClock {
		for st.starts[at+1] <= uint32(i)<<st.shift {
			at++
		}
		st.byClock[i] = at
	}
}

// find returns the item that held the given unit, 0 if the unit must be searched for in
// the log.
func (st *staging) find(clock uint32) ref {
	if st.byClock == nil {
		return 0
	}
	i := st.byClock[clock>>st.shift]
	for range 8 {
		if clock < st.starts[i+1] {
			return st.first + ref(i)
		}
		i++
	}
	return 0
}

// canLoad reports whether the document is empty and has no observers.
func (d *Doc) canLoad() bool {
	return len(d.store.clients) == 0 && d.pending.isEmpty() && !d.hasObservers()
}

// load makes a complete state, which stage reads, the content of an empty document. If ok
// is false, the document is still empty.
func (d *Doc) load(stage func() bool) (ok bool) {
	d.tx.begin()
	u := &d.parsed
	u.deletes = u.deletes[:0]
	work, structs := d.store.budget, 0
	ok = stage()
	if ok {
		structs = len(d.store.items) - 1
		ok = d.linkStaged()
	}
	if ok {
		d.tx.applyDeletes(u.deletes.Normalise())
		ok = len(d.pending.deletes) <= MaxPendingDeletes &&
			(d.maxSubdocs == 0 || d.store.subdocs <= d.maxSubdocs || work == unbounded)
	}
	if ok {
		kept := len(d.tx.deleted) == 0
		d.commitLoaded()
		d.cache = cache{loaded: kept && structs <= d.store.countStructs()}
	} else {
		items, bytes := d.store.items, d.store.bytes // memory for the general way
		clear(items)
		d.reset()
		d.store.budget = work
		d.store.items, d.store.bytes = append(items[:0], item{}), bytes[:0]
	}
	d.staged = nil
	u.release()
	return ok
}

// AsLoaded reports whether the first applied update is still an equivalent encoding of the
// whole document, so that its bytes can be sent instead of EncodeStateAsUpdate(nil).
//
// A peer that applies that update, at once or by the parts of SplitUpdate, gets the same
// document, state vector and delete set. The update holds no deleted content and no more
// structs than the document, though items may be divided differently. AsLoaded may return
// false although the update is equivalent.
func (d *Doc) AsLoaded() bool { return d.cache.loaded }

// countStructs counts the structs of all clients.
func (s *store) countStructs() (n int) {
	for i := range s.clients {
		n += s.clients[i].countFrom(0)
	}
	return n
}

// commitLoaded is commit for a document that was just loaded. If nothing was deleted, one
// pass over the items finds those that can be merged: next to none in a state that another
// replica has merged.
func (d *Doc) commitLoaded() {
	s, tx := &d.store, &d.tx
	if len(tx.deleted) > 0 {
		tx.commit()
		return
	}
	for _, c := range tx.touched {
		s.clients[c].touched = false
		for r := d.staged[c].first + 1; r < d.staged[c].end; r++ {
			l, it := &s.items[r-1], &s.items[r]
			if (l.meta^it.meta)&metaKind == 0 && (l.right == r || it.kind() == kindGC) {
				tx.mergeSpans = append(tx.mergeSpans, span{c, it.clock, it.clock})
			}
		}
	}
	tx.touched = tx.touched[:0]
	tx.commit()
}

// stage reads all of an update into the arena, by client and clock. It returns false if
// the update is not a complete state in every detail.
func (d *Doc) stage(update []byte) bool {
	s, u := &d.store, &d.parsed
	r := lib0.NewReader(update)
	sections, err := r.Count(5) // the least bytes of a section that is not empty
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
	if u.deletes, err = codec.ReadDeleteSet(&r, u.deletes); err != nil || r.Len() > 0 {
		return false
	}
	if cap(s.bytes)-len(s.bytes) > len(s.bytes)/8 {
		s.bytes = append(make([]byte, 0, len(s.bytes)), s.bytes...)
	}
	return true
}

// growItems reserves room for n more items. read bytes gave the items so far, and rest
// bytes follow: in a large state it reserves for them as well, in proportion, since one
// allocation is cheaper than a series of growing ones.
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
		return false // a second section of the client
	}
	first := ref(len(s.items))
	clock := uint64(0)
	starts := make([]uint32, n+1)
	for i := range n {
		if size, length := s.stageText(r.Rest(), c, client, uint32(clock)); size > 0 {
			r.Bytes(size) //nolint:errcheck // they are there
			clock += uint64(length)
		} else if err := w.Read(r, client, clock); err != nil || w.Kind == kindSkip || !s.stageItem(w, c) {
			return false
		} else {
			clock = w.End()
		}
		starts[i+1] = uint32(clock)
	}
	d.stageLog(c, first, starts)
	return true
}

// stageText is Struct.Read and stageItem in one, for the structs of which most texts
// consist: a String or Deleted with an origin. It returns the bytes that the struct takes
// and its length in units. size is 0 if the struct is of another kind or anything about it
// is unusual.
func (s *store) stageText(b []byte, c clientRef, client uint64, clock uint32) (size int, length uint32) {
	const most = 1 + 5*smallUvarint // bytes in front of the content
	if len(b) < most {
		return 0, 0
	}
	info, k := b[0], codec.Kind(b[0]&codec.InfoKind)
	if k != kindString && k != kindDeleted || info&(codec.InfoOrigin|codec.InfoRightOrigin) == 0 {
		return 0, 0
	}
	it := item{clock: clock, meta: newMeta(c, k), originClient: noClient, rightClient: noClient}
	at, id, unit := 1, uint64(0), uint64(0)
	if info&codec.InfoOrigin != 0 {
		id, at = readSmall(b, at)
		unit, at = readSmall(b, at)
		if id == tooLarge || unit > maxUnits || id == client && unit >= uint64(clock) {
			return 0, 0
		}
		it.originClient, it.originClock = s.client(id), uint32(unit)
	}
	if info&codec.InfoRightOrigin != 0 {
		id, at = readSmall(b, at)
		unit, at = readSmall(b, at)
		if id == tooLarge || unit > maxUnits || id == client && unit >= uint64(clock) {
			return 0, 0
		}
		it.rightClient, it.rightClock = s.client(id), uint32(unit)
	}
	n, at := readSmall(b, at)
	var text []byte
	if k == kindDeleted {
		it.meta |= metaDeleted
	} else {
		if n > uint64(len(b)-at) || !utf8.Valid(b[at:at+int(n)]) {
			return 0, 0
		}
		text = b[at : at+int(n)]
		at += int(n)
		n = uint64(codec.UTF16Len(text))
	}
	if n == 0 || n > uint64(maxUnits-clock) {
		return 0, 0
	}
	it.length = uint32(n)
	if len(text) > 0 {
		s.storeContent(&it, text)
	}
	s.items = append(s.items, it)
	return at, it.length
}

// readSmall reads a uvarint at b[at], where at least smallUvarint bytes follow, and
// returns the offset behind it. It returns tooLarge if the uvarint is longer.
func readSmall(b []byte, at int) (v uint64, end int) {
	for shift := 0; shift < 7*smallUvarint; shift += 7 {
		c := b[at]
		at++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, at
		}
	}
	return tooLarge, at
}

const (
	smallUvarint = 5 // bytes; enough for clocks, and for the client ids that browsers draw
	tooLarge     = 1 << 63
)

// stageLog makes the log of a client from all items from first on. starts holds the clocks
// at which they begin, and where the last one ends.
func (d *Doc) stageLog(c clientRef, first ref, starts []uint32) {
	s := &d.store
	log := &s.clients[c]
	for r := first; r < ref(len(s.items)); r++ {
		log.push(r)
	}
	log.state, log.touched = starts[len(starts)-1], true
	d.tx.touched = append(d.tx.touched, c)
	for int(c) >= len(d.staged) {
		d.staged = append(d.staged, staging{})
	}
	d.staged[c] = staging{next: first, end: ref(len(s.items)), first: first, starts: starts}
	d.staged[c].index()
}

// stageItem makes a struct an item that has no place yet. A nested parent may come later
// in the same bytes; until it is known, metaNested is set, left and right hold the ID of
// the parent, and place holds the key. It returns false if a dependency cannot exist.
func (s *store) stageItem(w *codec.Struct, c clientRef) (ok bool) {
	r := ref(len(s.items))
	s.items = append(s.items, item{
		clock: uint32(w.Clock), length: uint32(w.Length), meta: newMeta(c, w.Kind),
		originClient: noClient, rightClient: noClient,
	})
	it := &s.items[r]
	if w.Kind == kindGC || w.Kind == kindDeleted {
		it.meta |= metaDeleted
	}
	if w.Kind == kindGC {
		return true
	}
	if w.HasOrigin() && w.Origin.Clock > maxUnits || w.HasRightOrigin() && w.RightOrigin.Clock > maxUnits ||
		w.HasParent() && !w.InRoot && w.Parent.Clock > maxUnits {
		return false // no such unit can exist
	}
	if w.HasOrigin() {
		it.originClient, it.originClock = s.client(w.Origin.Client), uint32(w.Origin.Clock)
	}
	if w.HasRightOrigin() {
		it.rightClient, it.rightClock = s.client(w.RightOrigin.Client), uint32(w.RightOrigin.Clock)
	}
	if w.HasParent() {
		var key nameRef
		if w.HasKey() {
			key = s.names.intern(w.Key)
		}
		if w.InRoot {
			it.place = s.placeOf(s.root(w.Root), key)
		} else {
			it.meta |= metaNested
			it.left, it.right, it.place = ref(s.client(w.Parent.Client)), ref(w.Parent.Clock), placeRef(key)
		}
	}
	s.setContent(r, w, 0)
	return true
}

// linkStaged links all staged items into their lists, each after its dependencies. It
// returns false if a dependency is missing.
func (d *Doc) linkStaged() bool {
	slices.SortFunc(d.tx.touched, func(a, b clientRef) int { // highest id first, as in deliver
		return cmp.Compare(d.store.clients[b].id, d.store.clients[a].id)
	})
	var stack []clientRef
	for _, c := range d.tx.touched {
		for st := &d.staged[c]; st.next < st.end; {
			dependency, ok := d.linkNext(c)
			if !ok {
				stack, ok = d.linkWithDependencies(c, dependency, stack[:0])
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// linkWithDependencies links the next item of c, which depends on an item of the client
// dependency, which may depend on others. Clients on the stack wait for the one above them.
// It returns false if a dependency is missing or clients wait for one another.
func (d *Doc) linkWithDependencies(c, dependency clientRef, stack []clientRef) (_ []clientRef, ok bool) {
	stack = append(stack, c)
	d.staged[c].onStack = true
	for len(stack) > 0 {
		if !ok {
			if int(dependency) >= len(d.staged) {
				return stack, false
			}
			st := &d.staged[dependency]
			if st.onStack || st.next == st.end {
				return stack, false
			}
			st.onStack = true
			stack = append(stack, dependency)
		}
		top := stack[len(stack)-1]
		if dependency, ok = d.linkNext(top); ok {
			d.staged[top].onStack = false
			stack = stack[:len(stack)-1]
		}
	}
	return stack, true
}

// linkNext links the next item of a client into its list. If a dependency is not linked
// yet, it returns the client that must go on first, or noClient if the item cannot be
// linked at all.
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
		left = d.staged[it.originClient].find(it.originClock)
		if left == 0 || s.items[left].end() != it.originClock+1 {
			left = tx.itemEndingAt(it.originClient, it.originClock)
			it = &s.items[r]
		}
	}
	if it.hasRight() {
		right = d.staged[it.rightClient].find(it.rightClock)
		if right == 0 || s.items[right].clock != it.rightClock {
			right = tx.itemStartingAt(it.rightClient, it.rightClock)
			it = &s.items[r]
		}
	}
	switch {
	case left != 0:
		it.place = s.items[left].place
	case right != 0:
		it.place = s.items[right].place
	case it.meta&metaNested != 0:
		owner := &s.items[s.itemAt(clientRef(it.left), uint32(it.right))]
		if owner.kind() != kindType {
			return noClient, false
		}
		it.place = s.placeOf(typeRef(owner.data), nameRef(it.place))
		it.meta &^= metaNested
		it.left, it.right = 0, 0
	}
	if it.place == 0 || right != 0 && s.items[right].place == 0 {
		return noClient, false // a neighbour is a GC: rare, and left to the general way
	}
	tx.link(r, s.place(r, left, right))
	d.staged[c].next++
	return noClient, s.work <= s.budget
}

// lacks reports whether the unit (client, clock), on which an item of c depends, is not
// linked yet.
func (d *Doc) lacks(client clientRef, clock uint32, c clientRef) bool {
	if client == c {
		return false // an earlier unit of the same client
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
