package crdt

// This file is a short cut for store.place. Where very many writers insert at the same
// place without knowing of one another, the scan of each passes all that came before:
// the work is quadratic. But there the order is simple. Items with the same origin and
// the same right origin, siblings, stand in order of their clients' ids, each followed
// by its block: what was written behind it. So a sorted index of the siblings tells the
// place at once: in front of the first one with a higher id.
//
// A few strangers may stand among them, with the same origin and another right origin.
// They are in no order, but each behind a sibling with a lower id than it has gone, or
// in front of one with a higher.
//
// All this holds in a region that starts behind the origin and ends at the right origin,
// at the first item whose origin lies in front of the region, or with the list. In the
// region each item is a sibling, a stranger, or has its origin in the block in which it
// stands. gather checks that when the index is made; an item that comes into a region in
// another way than through its index either keeps it true (arrives), or the index is
// dropped, and a later long scan makes it anew. Indexes that are dropped before they were
// of use make the next one wait for more scans.

// siblingIndex is the index of one place.
type siblingIndex struct {
	place                   placeRef
	origin, right           clientRef
	originClock, rightClock uint32
	sorted                  siblingList
	halfSiblings            []halfSibling // from left to right
	end                     unitRef       // where the item behind the region begins; noUnit at the end of the list
	splitsBlock             bool          // the right origin is part of a block, which the siblings divide
	uses                    int           // how often it has told a place
}

// unitRef names a unit by the store's number of its client. Items are split and merged,
// units stay: of the siblings, only the one that continues the origin's run can be merged
// to its left, and a new item with that origin splits it off again.
type unitRef struct {
	client clientRef
	clock  uint32
}

var noUnit = unitRef{client: noClient}

func (it *item) firstUnit() unitRef { return unitRef{it.client(), it.clock} }

// halfSibling is one with another right origin than the siblings.
type halfSibling struct {
	sibling
	above uint64 // it stands behind siblings with ids below this,
	below uint64 // and in front of those with ids above this
}

const (
	longScan        = 64 // steps after which an index is made
	maxSiblings     = 16 // indexes at a time; one more takes the place of the oldest
	maxHalfSiblings = 32
)

// hasOriginOf tells whether the index is one of items with the origin of it.
func (g *siblingIndex) hasOriginOf(it *item) bool {
	return g.place == it.place && g.origin == it.originClient && g.originClock == it.originClock
}

// crossesOrigin tells whether the origin of it is not the last unit of left, where it begins to
// look. That is so if its right origin lies in front of its origin in one run: then left was
// divided once more, and it may come to stand in front of its origin. Nobody means that.
func (s *store) crossesOrigin(it *item, left ref) bool {
	return left != 0 && !it.follows(&s.items[left])
}

// among is the index for where it shall stand, nil if there is none.
func (s *store) among(it *item, left ref) *siblingIndex {
	for _, g := range s.siblings {
		if g.hasOriginOf(it) && g.right == it.rightClient && g.rightClock == it.rightClock && !s.crossesOrigin(it, left) {
			return g
		}
	}
	return nil
}

// gather makes the index for where it shall stand, between left and right; nil if that
// place is not as an index must have it. A scan has just passed there.
func (s *store) gather(it *item, left, right ref) *siblingIndex {
	if s.gatherWait > 0 {
		s.gatherWait--
		return nil
	}
	if s.crossesOrigin(it, left) {
		return nil
	}
	g := &siblingIndex{
		place: it.place, origin: it.originClient, originClock: it.originClock,
		right: it.rightClient, rightClock: it.rightClock, end: noUnit,
	}
	g.sorted.init(s)
	began := s.lastVisit
	block := began // the mark at which the block began
	o := s.nextIn(left, it.place)
	for ; o != 0 && o != right; o = s.items[o].right {
		mark := s.visit(o)
		s.work++
		if c := &s.items[o]; c.sameOrigin(it) {
			block = mark
			if !g.appendItem(s, c, c.sameRightOrigin(it)) {
				s.gatherAgain(g)
				return nil
			}
			continue
		}
		passed := s.visitOfOrigin(o)
		if passed <= began {
			break
		}
		if passed < block {
			s.gatherAgain(g)
			return nil
		}
	}
	if o != 0 {
		g.end = s.items[o].firstUnit()
		g.splitsBlock = o == right && !s.items[o].sameOrigin(it) && s.visitOfOrigin(o) > began
	}
	if len(s.siblings) == maxSiblings {
		s.dropSiblings(s.siblings[0])
	}
	s.siblings = append(s.siblings, g)
	return g
}

// appendItem adds a sibling or stranger to the right of all; not ok if it may not stand there.
func (g *siblingIndex) appendItem(s *store, it *item, same bool) (ok bool) {
	sib := sibling{s.clients[it.client()].id, it.firstUnit()}
	last, any := g.sorted.last()
	if !same {
		above := uint64(0)
		if any {
			above = last.id + 1
		}
		g.halfSiblings = append(g.halfSiblings, halfSibling{sib, above, noSiblingRight})
		return len(g.halfSiblings) <= maxHalfSiblings
	}
	for i := range g.halfSiblings {
		if x := &g.halfSiblings[i]; x.below == noSiblingRight {
			x.below = sib.id
		}
	}
	g.sorted.append(sib)
	return !any || last.id <= sib.id
}

// noSiblingRight is stranger.below where all siblings are in front.
const noSiblingRight = 1<<64 - 1

// placeAmong returns the item after which r shall stand, which is left at the least, and
// enters r into the index.
func (s *store) placeAmong(g *siblingIndex, r, left ref) ref {
	it := &s.items[r]
	id := s.clients[it.client()].id
	g.uses++
	s.work += 3 + len(g.halfSiblings) // a search
	p := g.sorted.search(id)
	next, found := g.sorted.at(p)
	n := len(g.halfSiblings)
	for n > 0 && !g.halfSiblings[n-1].precedes(id) {
		n--
	}
	last := s.lastOf(g, n)
	for i := range g.halfSiblings {
		if x := &g.halfSiblings[i]; i < n {
			x.below = min(x.below, id)
		} else {
			if i == n && id >= x.above {
				next, found = x.sibling, true
			}
			x.above = max(x.above, id+1)
		}
	}
	behind := g.end
	if found {
		behind = next.unitRef
	}
	g.sorted.insert(p, sibling{id, it.firstUnit()})
	z := ref(0)
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
	for i := len(s.siblings) - 1; i >= 0; i-- { // the others
		if h := s.siblings[i]; h != g && h.place == g.place && (h.hasOriginOf(it) || g.splitsBlock || !s.stretches(h, it, z)) {
			s.dropSiblings(h)
		}
	}
	return left
}

// precedes tells whether a sibling with this id comes to stand behind the stranger.
func (x *halfSibling) precedes(id uint64) bool {
	return id > x.below || id >= x.above && x.id < id
}

// lastOf is the rightmost of all siblings and of the first n strangers.
func (s *store) lastOf(g *siblingIndex, n int) unitRef {
	if n > 0 && g.halfSiblings[n-1].below == noSiblingRight {
		return g.halfSiblings[n-1].unitRef
	}
	if last, ok := g.sorted.last(); ok {
		return last.unitRef
	}
	return noUnit
}

// arrives keeps the indexes true, or drops them, when an item comes to stand behind
// answer without their help. left and right are its neighbours when it was written; what
// was passed on the way from there has a mark above began.
func (s *store) arrives(it *item, left, answer, right ref, began uint32) {
	z := s.nextIn(answer, it.place)
	for i := len(s.siblings) - 1; i >= 0; i-- {
		h := s.siblings[i]
		switch {
		case h.place != it.place:
		case h.hasOriginOf(it) || s.crossesOrigin(it, left):
			s.dropSiblings(h)
		case answer == left:
			// Right behind its origin: in the region if that is, and in the same block.
		case z != 0 && z == right && !s.items[z].sameOrigin(it) && s.visitOfOrigin(z) > began:
			s.dropSiblings(h) // it divides a block
		case !s.stretches(h, it, z):
			s.dropSiblings(h)
		}
	}
}

// stretches moves the end of a region if it, which comes to stand in front of z, is the
// new one. Not ok: it may as well be part of the region.
func (s *store) stretches(h *siblingIndex, it *item, z ref) (ok bool) {
	if z == 0 {
		return h.end != noUnit
	}
	if s.items[z].firstUnit() != h.end {
		return true
	}
	h.end = it.firstUnit()
	return s.items[z].sameOrigin(it) && !h.splitsBlock
}

// dropSiblings throws one index away.
func (s *store) dropSiblings(g *siblingIndex) {
	for i, h := range s.siblings {
		if h == g {
			s.siblings = append(s.siblings[:i], s.siblings[i+1:]...)
			break
		}
	}
	s.gatherAgain(g)
}

// dropAllSiblings throws all indexes away.
func (s *store) dropAllSiblings() {
	for len(s.siblings) > 0 {
		s.dropSiblings(s.siblings[len(s.siblings)-1])
	}
}

// gatherAgain decides after how many long scans there is another index, and keeps what can
// be used for that.
func (s *store) gatherAgain(g *siblingIndex) {
	if g.uses > 8 {
		s.gatherVain = 0
	} else {
		s.gatherVain = min(s.gatherVain+1, 10)
	}
	s.gatherWait = 1<<s.gatherVain - 1
	if len(s.siblingSpare) < maxSiblings {
		s.siblingSpare = append(s.siblingSpare, g.sorted.chunks...)
	}
}
