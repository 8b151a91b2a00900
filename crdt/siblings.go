package crdt

import (
	"cmp"
	"slices"
)

// This file is a short cut for store.place. Where very many writers insert at the same
// place without knowing of one another, the scan of each passes all that came before:
// the work is quadratic. But there the order is simple. Items with the same origin and
// the same right origin, siblings, stand in order of their clients' ids, each followed by
// what was written behind it. So a sorted index of the siblings tells the place at once:
// in front of the first one with a higher id.
//
// That holds as long as between the two origins there is nothing else: nothing with the
// same origin and another right origin, nothing that reaches in from outside. gather
// checks it when the index is made. Afterwards whatever might bring such an item in
// throws the index away, and a later long scan makes it anew. Indexes that are thrown away
// before they were of use make the next one wait for more scans.

// siblings is the index of one place. The chunks are never empty, but for the first.
type siblings struct {
	place                 placeRef
	origin, right         clientRef
	originClock, rightClk uint32
	chunks                [][]sibling // ascending by id
	used                  int         // how often it has told a place
}

type sibling struct {
	id uint64 // of the client
	r  ref
}

const (
	longScan    = 64 // steps after which an index is made
	maxSiblings = 16 // indexes at a time; one more throws all away
)

// among is the index for where it shall stand, nil if there is none.
func (s *store) among(it *item) *siblings {
	for _, g := range s.siblings {
		if g.place == it.place && g.origin == it.originClient && g.originClock == it.originClock &&
			g.right == it.rightClient && g.rightClk == it.rightClock {
			return g
		}
	}
	return nil
}

// intrudes throws the indexes away if an item that comes to stand in front of right, its
// right origin, has its origin but not its right origin in common with it.
func (s *store) intrudes(it *item, right ref) {
	if right != 0 && s.items[right].meta&metaSibling != 0 && s.items[right].sameOrigin(it) {
		s.dropSiblings()
	}
}

// disturbs throws the indexes away if a scan is about to bring an item to a place among
// siblings whose index does not know it: it has their origin and another right origin, or
// its right origin may stand among them.
func (s *store) disturbs(it *item) {
	for _, g := range s.siblings {
		if it.hasRight() || g.place == it.place && g.origin == it.originClient && g.originClock == it.originClock {
			s.dropSiblings()
			return
		}
	}
}

// gather makes the index for where r shall stand, between left and right. nil if other
// items than siblings and what was written behind them stand there.
func (s *store) gather(it *item, left, right ref) *siblings {
	if s.gatherWait > 0 {
		s.gatherWait--
		return nil
	}
	o := s.first(it.place)
	if left != 0 {
		o = s.items[left].right
	}
	began, start := s.beginMarks(), o
	last := uint64(0)
	for ; o != 0 && o != right; o = s.items[o].right {
		s.nextMark(o)
		s.work++
		c := &s.items[o]
		switch {
		case c.sameOrigin(it):
			id := s.clients[c.client()].id
			if !c.sameRightOrigin(it) || id < last {
				return nil
			}
			last = id
		case !c.hasOrigin() || s.marks[s.at(c.originClient, c.originClock)] <= began:
			return nil
		}
	}
	if o != right {
		return nil
	}
	g := &siblings{
		place: it.place, origin: it.originClient, originClock: it.originClock,
		right: it.rightClient, rightClk: it.rightClock,
		chunks: [][]sibling{s.siblingChunk()},
	}
	for o := start; o != right; o = s.items[o].right {
		if c := &s.items[o]; c.sameOrigin(it) {
			c.meta |= metaSibling
			k := len(g.chunks) - 1
			s.enter(g, sibling{s.clients[c.client()].id, o}, k, len(g.chunks[k]))
		}
	}
	if len(s.siblings) == maxSiblings {
		s.dropSiblings()
	}
	s.siblings = append(s.siblings, g)
	return g
}

// placeAmong returns the item after which r shall stand, and enters r into the index.
func (s *store) placeAmong(g *siblings, r, left, right ref) ref {
	it := &s.items[r]
	it.meta |= metaSibling
	g.used++
	id := s.clients[it.client()].id
	k, _ := slices.BinarySearchFunc(g.chunks, id, func(c []sibling, id uint64) int {
		if len(c) == 0 {
			return 1
		}
		return cmp.Compare(c[0].id, id)
	})
	if k > 0 { // it may stand in the chunk in front
		k--
	}
	i, _ := slices.BinarySearchFunc(g.chunks[k], id, func(a sibling, id uint64) int { return cmp.Compare(a.id, id) })
	answer := ref(0)
	switch {
	case i < len(g.chunks[k]):
		answer = s.items[g.chunks[k][i].r].left
	case k+1 < len(g.chunks):
		answer = s.items[g.chunks[k+1][0].r].left
	case right != 0:
		answer = s.items[right].left
	default:
		answer = left
		if i > 0 {
			answer = g.chunks[k][i-1].r
		}
		for o := s.after(answer, it.place); o != 0; o = s.items[o].right {
			answer = o
			s.work++
		}
	}
	s.enter(g, sibling{id, r}, k, i)
	return answer
}

// after is what stands behind an item, or, with 0, at the front of a place.
func (s *store) after(r ref, place placeRef) ref {
	if r == 0 {
		return s.first(place)
	}
	return s.items[r].right
}

// enter puts a sibling into the index, at position i of chunk k.
func (s *store) enter(g *siblings, sib sibling, k, i int) {
	c := slices.Insert(g.chunks[k], i, sib)
	g.chunks[k] = c
	if len(c) == maxChunk {
		g.chunks[k] = c[:maxChunk/2]
		g.chunks = slices.Insert(g.chunks, k+1, append(s.siblingChunk(), c[maxChunk/2:]...))
	}
}

// siblingChunk is an empty chunk, used before if there is one.
func (s *store) siblingChunk() []sibling {
	if n := len(s.siblingSpare); n > 0 {
		c := s.siblingSpare[n-1]
		s.siblingSpare = s.siblingSpare[:n-1]
		return c[:0]
	}
	return make([]sibling, 0, maxChunk)
}

// dropSiblings throws all indexes away. metaSibling may stay behind: it says "may".
func (s *store) dropSiblings() {
	for _, g := range s.siblings {
		if g.used > 8 {
			s.gatherVain = 0
		} else {
			s.gatherVain = min(s.gatherVain+1, 10)
		}
		s.gatherWait = 1<<s.gatherVain - 1
		if len(s.siblingSpare) < maxSiblings {
			s.siblingSpare = append(s.siblingSpare, g.chunks...)
		}
	}
	s.siblings = s.siblings[:0]
}
