package crdt

// This file is a shortcut for the conflict scan of integrate.go, for one place at which
// very many clients insert without knowing of one another. There each scan passes all items
// inserted so far, so n inserts take n² steps, and a hostile client can cause that with
// small updates. With an index each insert is a binary search: n log n steps in all.
//
// # What is indexed
//
// The order at such a place is simple. Siblings are items with the same origin and the same
// right origin. They stand in ascending order of their clients' ids. Each is followed by
// its block: the items inserted behind it or behind another item of its block. The index
// is the sorted list of the siblings. A new sibling stands in front of the first one with a
// higher id, or at the end of the region:
//
//	              region
//	        ┌───────────────────────────────┐
//	origin  [3 . . .][7 .][9][12 . . . . .]   right origin
//	         ▲        ▲    ▲  ▲
//	         siblings, by client id; dots are the rest of their blocks
//
//	a new sibling of client 8 is placed in front of [9]
//
// A few half-siblings may stand among them: items with the same origin and another right
// origin. They are not sorted by id. Each stands behind a sibling with a lower id than its
// own or in front of one with a higher id, and the index keeps these bounds.
//
// # The invariant
//
// The region begins behind the origin. It ends at the right origin, or at the first item
// whose origin lies in front of the region, or with the list. Each item of the region is a
// sibling, a half-sibling, or has its origin in the block in which it stands.
//
// build checks this when it makes an index. An item that is placed without the index may
// break the invariant: keepTrue then adjusts the index, or drops it, and a later long scan
// builds a new one. If indexes are dropped before they were useful, the next one is built
// only after more long scans, so that building cannot become the attack.
//
// # The contract
//
// An index never changes the order, only the time it takes to find it (TestSiblings
// compares with a naive list). The conflict resolution makes three calls:
//
//	place     the place of an item, if an index knows it; also enters the item
//	build     after a scan of more than longScan steps
//	keepTrue  after an item was placed without an index, if there are any
//
// Besides, dropAll must be called when a type is removed or a transaction is reverted,
// because the places then no longer exist.

// siblingIndexes are the indexes of a document. The zero value is ready to use.
type siblingIndexes struct {
	list   []*siblingIndex // at most maxSiblings; the oldest first
	spare  [][]sibling     // chunks of indexes that were dropped, for reuse
	wasted int             // how many of the last indexes in a row were of no use; at most 10
	delay  int             // long scans until the next index is built
}

const (
	longScan    = 64 // steps of a scan after which an index is built
	maxSiblings = 16 // indexes at a time; one more replaces the oldest
)

// unitRef names a unit by its client's reference. Items are split and merged, while units
// stay: of the siblings only one, which continues the run of the origin, can be merged to
// its left, and a new item with that origin splits it off again.
type unitRef struct {
	client clientRef
	clock  uint32
}

// noUnit stands for the end of a list.
var noUnit = unitRef{client: noClient}

func (it *item) firstUnit() unitRef { return unitRef{it.client(), it.clock} }

// crossesOrigin reports whether the origin of it is not the last unit of left, at which the
// search for its place begins. That is so if its right origin stands in front of its origin
// within one run: left was then split once more, and the item may be placed in front of its
// origin. No editor writes such items.
func (s *store) crossesOrigin(it *item, left ref) bool {
	return left != 0 && !it.follows(&s.items[left])
}

// place returns the item behind which r is to be placed and enters r into the index. found
// is false if there is no index for r. left is the item that ends with r's origin.
func (x *siblingIndexes) place(s *store, r, left ref) (answer ref, found bool) {
	it := &s.items[r]
	for _, g := range x.list {
		if g.hasOriginOf(it) && g.right == it.rightClient && g.rightClock == it.rightClock && !s.crossesOrigin(it, left) {
			return x.placeBy(g, s, r, left), true
		}
	}
	return 0, false
}

// placeBy is place with the index g.
func (x *siblingIndexes) placeBy(g *siblingIndex, s *store, r, left ref) ref {
	it := &s.items[r]
	s.work += 3 + len(g.halfSiblings) // a binary search
	behind, last := g.insert(sibling{s.clients[it.client()].id, it.firstUnit()})
	z := ref(0) // the item in front of which r is placed
	if behind != noUnit {
		z = s.itemAt(behind.client, behind.clock)
		left = s.items[z].left
	} else {
		if last != noUnit {
			left = s.itemAt(last.client, last.clock)
		}
		for o := s.nextIn(left, it.place); o != 0; o = s.items[o].right {
			left = o
			s.work++
		}
	}
	for i := len(x.list) - 1; i >= 0; i-- {
		h := x.list[i]
		if h != g && h.place == g.place && (h.hasOriginOf(it) || g.splitsBlock || !h.extendRegion(s, it, z)) {
			x.drop(h)
		}
	}
	return left
}

// build makes an index for the place of it, between the items left and right, which a scan
// has just passed. It reports whether it did: not if the place violates the invariant, or
// if earlier indexes were of no use.
func (x *siblingIndexes) build(s *store, it *item, left, right ref) bool {
	if x.delay > 0 {
		x.delay--
		return false
	}
	if s.crossesOrigin(it, left) {
		return false
	}
	g := &siblingIndex{
		place: it.place, origin: it.originClient, originClock: it.originClock,
		right: it.rightClient, rightClock: it.rightClock, end: noUnit,
	}
	g.sorted.init(&x.spare)
	if !g.fill(s, it, left, right) {
		x.recycle(g)
		return false
	}
	if len(x.list) == maxSiblings {
		x.drop(x.list[0])
	}
	x.list = append(x.list, g)
	return true
}

// keepTrue keeps the indexes true, or drops them, when it is placed behind answer without
// their help. left and right are the items at its origins. The scan has given each item
// between left and answer a visit above began.
func (x *siblingIndexes) keepTrue(s *store, it *item, left, answer, right ref, began uint32) {
	z := s.nextIn(answer, it.place)
	for i := len(x.list) - 1; i >= 0; i-- {
		h := x.list[i]
		switch {
		case h.place != it.place:
		case h.hasOriginOf(it) || s.crossesOrigin(it, left):
			x.drop(h)
		case answer == left:
			// Right behind its origin: in the region if the origin is, and in the same block.
		case z != 0 && z == right && !s.items[z].sameOrigin(it) && s.visitOfOrigin(z) > began:
			x.drop(h) // it divides a block
		case !h.extendRegion(s, it, z):
			x.drop(h)
		}
	}
}

// dropAll drops all indexes.
func (x *siblingIndexes) dropAll() {
	for len(x.list) > 0 {
		x.drop(x.list[len(x.list)-1])
	}
}

// drop drops one index.
func (x *siblingIndexes) drop(g *siblingIndex) {
	for i, h := range x.list {
		if h == g {
			x.list = append(x.list[:i], x.list[i+1:]...)
			break
		}
	}
	x.recycle(g)
}

// recycle keeps the chunks of an index that is dropped, and decides how many long scans
// must pass before the next one is built: 2ⁿ-1 after n useless ones in a row.
func (x *siblingIndexes) recycle(g *siblingIndex) {
	if g.uses > 8 {
		x.wasted = 0
	} else {
		x.wasted = min(x.wasted+1, 10)
	}
	x.delay = 1<<x.wasted - 1
	if len(x.spare) < maxSiblings {
		x.spare = append(x.spare, g.sorted.chunks...)
	}
}
