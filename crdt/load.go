package crdt

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"

	"weft/crdt/internal/codec"
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
	onStack   bool // on the stack, as its next item builds on another client's

	// Where the items began and the last one ended when they were read, and about one entry
	// for each, if there are many: by clock>>shift, the item, counted from first, that held
	// the clock clock>>shift<<shift. Cut items are found by their left part.
	first   ref
	starts  []uint32
	byClock []uint32
	shift   uint8
}

// index fills byClock.
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

// find is the item that held the given unit, 0 if it must be searched for.
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

// canLoad tells whether the document is empty and nobody wants to hear what changes.
func (d *Doc) canLoad() bool {
	return len(d.store.clients) == 0 && d.pending.isEmpty() && !d.hasObservers()
}

// load makes a complete state, which stage reads, the content of an empty document. Not
// ok: nothing has changed.
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

// AsLoaded tells whether the first update that the document took in will still do for
// EncodeStateAsUpdate(nil): who applies it, at once or by the parts of SplitUpdate, has the
// same document, state vector and delete set; it holds no content that is deleted, and no
// more structs. They need not be the same structs: some may be cut here, and others merged.
// It may be false where it could be true.
func (d *Doc) AsLoaded() bool { return d.cache.loaded }

// countFrom counts what all clients' logs hold.
func (s *store) countStructs() (n int) {
	for i := range s.clients {
		n += s.clients[i].countFrom(0)
	}
	return n
}

// commitLoaded is commit where all there is has just come. If nothing was left to delete,
// one pass finds what can be merged: in a state that somebody else has merged, next to
// nothing.
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
	if u.deletes, err = codec.ReadDeleteSet(&r, u.deletes); err != nil || r.Len() > 0 {
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

// stageText is read and stageItem for what most of a text is made of: a String or Deleted
// that has an origin. It returns the bytes that the struct takes and its length in units;
// 0 if it is something else, or odd.
func (s *store) stageText(b []byte, c clientRef, client uint64, clock uint32) (size int, length uint32) {
	const most = 1 + 5*smallUvarint // of bytes in front of the content
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

// readSmall reads a uvarint at b[at], where there are smallUvarint bytes or more, and
// returns where it ends. tooLarge stands for one that takes more bytes.
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
	smallUvarint = 5 // clocks take no more, nor do the client ids that browsers draw
	tooLarge     = 1 << 63
)

// stageLog makes the log of staged items, all from first on. starts is where they begin, and
// where the last one ends.
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

// stageItem turns a struct into an item that has no place yet. Where the parent is
// nested, it may come later in the same bytes: left and right hold its ID until then,
// and place the key. Not ok: it has to wait for ever.
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
		return false // it will never come
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
			st.onStack = true
			for len(stack) > 0 {
				if !ok {
					if int(on) >= len(d.staged) || d.staged[on].onStack || d.staged[on].next == d.staged[on].end {
						return false
					}
					d.staged[on].onStack = true
					stack = append(stack, on)
				}
				top := stack[len(stack)-1]
				if on, ok = d.linkNext(top); ok {
					d.staged[top].onStack = false
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
