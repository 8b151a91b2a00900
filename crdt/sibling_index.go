package crdt

// siblingIndex is the index of one place: see siblings.go.
type siblingIndex struct {
	place                   placeRef
	origin, right           clientRef
	originClock, rightClock uint32

	sorted       siblingList
	halfSiblings []halfSibling // from left to right
	end          unitRef       // the first unit behind the region; noUnit at the end of the list
	splitsBlock  bool          // the right origin is part of a block, which the siblings divide
	uses         int           // how often the index has found a place
}

// halfSibling is an item with the same origin as the siblings and another right origin.
type halfSibling struct {
	sibling
	// The list order bounds the half-sibling by the client ids of the siblings around it:
	above uint64 // all siblings with a lower id than this are to its left
	below uint64 // all siblings with a higher id than this are to its right
}

// noSiblingRight is halfSibling.below if all siblings stand in front of it.
const noSiblingRight = 1<<64 - 1

const maxHalfSiblings = 32 // of one index; with more, no index is built

// hasOriginOf reports whether the siblings have the origin of it.
func (g *siblingIndex) hasOriginOf(it *item) bool {
	return g.place == it.place && g.origin == it.originClient && g.originClock == it.originClock
}

// fill enters the items of the region between left and right, whose siblings are like it.
// It returns false if the invariant does not hold.
func (g *siblingIndex) fill(s *store, it *item, left, right ref) (ok bool) {
	began := s.lastVisit
	block := began // the visit of the sibling or half-sibling that begins the block
	o := s.nextIn(left, it.place)
	for ; o != 0 && o != right; o = s.items[o].right {
		visit := s.visit(o)
		s.work++
		c := &s.items[o]
		if c.sameOrigin(it) {
			block = visit
			sib := sibling{s.clients[c.client()].id, c.firstUnit()}
			if c.sameRightOrigin(it) {
				ok = g.appendSibling(sib)
			} else {
				ok = g.appendHalfSibling(sib)
			}
			if !ok {
				return false
			}
			continue
		}
		origin := s.visitOfOrigin(o)
		if origin <= began {
			break // its origin lies in front of the region
		}
		if origin < block {
			return false // its origin lies in an earlier block
		}
	}
	if o != 0 {
		g.end = s.items[o].firstUnit()
		g.splitsBlock = o == right && !s.items[o].sameOrigin(it) && s.visitOfOrigin(o) > began
	}
	return true
}

// appendSibling enters a sibling behind all others. It returns false if the order of ids
// forbids that.
func (g *siblingIndex) appendSibling(sib sibling) (ok bool) {
	last, any := g.sorted.last()
	for i := range g.halfSiblings {
		if x := &g.halfSiblings[i]; x.below == noSiblingRight {
			x.below = sib.id
		}
	}
	g.sorted.append(sib)
	return !any || last.id <= sib.id
}

// appendHalfSibling enters a half-sibling behind all others. It returns false if there are
// too many.
func (g *siblingIndex) appendHalfSibling(sib sibling) (ok bool) {
	above := uint64(0)
	if last, any := g.sorted.last(); any {
		above = last.id + 1
	}
	g.halfSiblings = append(g.halfSiblings, halfSibling{sib, above, noSiblingRight})
	return len(g.halfSiblings) <= maxHalfSiblings
}

// insert enters a new sibling. It returns the unit in front of which the sibling is to be
// placed. If that is noUnit, the place is at the end of the list, somewhere behind the unit
// last (noUnit: behind the origin).
func (g *siblingIndex) insert(sib sibling) (before, last unitRef) {
	g.uses++
	p := g.sorted.search(sib.id)
	next, found := g.sorted.at(p)
	n := len(g.halfSiblings) // so many of them stand in front of the new sibling
	for n > 0 && !g.halfSiblings[n-1].precedes(sib.id) {
		n--
	}
	last = g.lastOf(n)
	for i := range g.halfSiblings {
		if x := &g.halfSiblings[i]; i < n {
			x.below = min(x.below, sib.id)
		} else {
			if i == n && sib.id >= x.above {
				next, found = x.sibling, true
			}
			x.above = max(x.above, sib.id+1)
		}
	}
	g.sorted.insert(p, sib)
	if found {
		return next.unitRef, last
	}
	return g.end, last
}

// precedes reports whether the half-sibling is to the left of a new sibling with this id:
// the id is beyond below, or it is not under above and the half-sibling has the lower id.
func (x *halfSibling) precedes(id uint64) bool {
	return id > x.below || id >= x.above && x.id < id
}

// lastOf returns the rightmost of all siblings and the first n half-siblings, noUnit if
// there are none.
func (g *siblingIndex) lastOf(n int) unitRef {
	if n > 0 && g.halfSiblings[n-1].below == noSiblingRight {
		return g.halfSiblings[n-1].unitRef
	}
	if last, ok := g.sorted.last(); ok {
		return last.unitRef
	}
	return noUnit
}

// extendRegion moves the end of the region if it, which is being placed in front of the
// item z (0: at the end of the list), begins behind the region. It returns false if the
// item could be part of the region as well.
func (g *siblingIndex) extendRegion(s *store, it *item, z ref) (ok bool) {
	if z == 0 {
		return g.end != noUnit
	}
	if s.items[z].firstUnit() != g.end {
		return true
	}
	g.end = it.firstUnit()
	return s.items[z].sameOrigin(it) && !g.splitsBlock
}
