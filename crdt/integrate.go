package crdt

import "weft/crdt/internal/codec"

// This file is the whole of conflict resolution: given an item that somebody wrote
// somewhere, find its place among the items that are here already, such that every
// replica finds the same place whatever arrived first. The algorithm is YATA
// (Nicolaescu et al., "Near Real-Time Peer-to-Peer Shared Editing on Extensible Data
// Types", 2016) with right origins, as Yjs 13 plays it.
//
// The writer saw two neighbours and sent their IDs: the origin on the left, the
// right origin on the right. Both are here, or the item would still wait
// (causal.go). If nothing stands between them now, the place is plain. What does
// stand between them was written at the same time by others who could not see this
// item either: those are the conflicts, and place walks over them.

// integrate makes w, from its unit skip on, part of the document. What w builds on
// must be known, and the first skip units as well.
func (tx *txn) integrate(w *codec.Struct, skip uint64) {
	s := tx.store()
	c := s.client(w.Client)
	clock, length := uint32(w.Clock+skip), uint32(w.Length-skip)
	if w.Kind == kindGC {
		tx.appendGCToLog(c, clock, length)
		return
	}

	it := item{
		clock: clock, length: length, meta: newMeta(c, w.Kind),
		originClient: noClient, rightClient: noClient,
	}
	var left, right ref
	switch {
	case skip > 0: // the units before are here already: this one follows them
		it.originClient, it.originClock = c, clock-1
	case w.HasOrigin():
		it.originClient, it.originClock = s.client(w.Origin.Client), uint32(w.Origin.Clock)
	}
	if it.hasOrigin() {
		left = tx.itemEndingAt(it.originClient, it.originClock)
	}
	if w.HasRightOrigin() {
		it.rightClient, it.rightClock = s.client(w.RightOrigin.Client), uint32(w.RightOrigin.Clock)
		right = tx.itemStartingAt(it.rightClient, it.rightClock)
	}
	if it.place = tx.placeFor(w, left, right); it.place == 0 {
		tx.appendGCToLog(c, clock, length)
		return
	}

	r := s.newItem()
	s.items[r] = it
	s.setContent(r, w, skip)
	tx.link(r, s.place(r, left, right))
	tx.appendToLog(c, r)
}

// placeFor tells in which list or chain a new item stands: where its neighbours do, or
// where it says itself when it has none. 0 if that type is gone; the item is then of no
// use to anyone and becomes a GC.
func (tx *txn) placeFor(w *codec.Struct, left, right ref) placeRef {
	s := tx.store()
	if left != 0 && s.items[left].kind() == kindGC || right != 0 && s.items[right].kind() == kindGC {
		return 0
	}
	switch {
	case left != 0:
		return s.items[left].place
	case right != 0:
		return s.items[right].place
	}
	var t typeRef
	if w.InRoot {
		t = s.root(w.Root)
	} else {
		owner := &s.items[s.itemAt(s.client(w.Parent.Client), uint32(w.Parent.Clock))]
		if owner.kind() != kindType {
			return 0
		}
		t = typeRef(owner.data)
	}
	var key nameRef
	if w.HasKey() {
		key = s.names.intern(w.Key)
	}
	return s.placeOf(t, key)
}

// place returns the item after which r shall stand, 0 for the front. left and right
// are the items at its two origins, 0 where it has none.
func (s *store) place(r, left, right ref) ref {
	it := &s.items[r]
	answer, began := left, uint32(0)
	if between := s.nextIn(left, it.place); between != right {
		if g := s.among(it, left); g != nil { // a crowd: siblings.go
			return s.placeAmong(g, r, left)
		}
		answer, began = s.scan(it, left, between, right)
		if s.lastVisit-began > longScan {
			if g := s.gather(it, left, right); g != nil {
				return s.placeAmong(g, r, left)
			}
		}
	}
	if len(s.siblings) > 0 {
		s.arrives(it, left, answer, right, began)
	}
	return answer
}

// next is what stands behind an item, or, with 0, at the front of a place.
func (s *store) nextIn(r ref, place placeRef) ref {
	if r == 0 {
		return s.first(place)
	}
	return s.items[r].right
}

// scan walks over the conflicts from o, the first one, up to right, and keeps an answer.
// Each conflict o falls under one of these:
//
//   - o has the same origin as it. The client with the lower id goes first: if that is
//     o, the answer moves behind o. If not, and both have the same right origin too, it
//     stands in front of o and of all that follows: stop. With different right origins
//     go on: something further right may still have to come first.
//   - o's origin lies among the items walked over: o was written behind one of those.
//     If the answer has moved behind that one, it moves behind o as well, so that runs
//     of different writers do not interleave. If not, o goes where its origin went.
//   - o's origin lies before all of this: o spans the place from the outside, and so
//     does all that follows. Stop.
//
// The two sets this needs, "walked over" and "walked over since the answer last
// moved", are two thresholds on one counter: each item is stamped as it is passed.
//
// The walk is as long as what was written here at the same time. All that it passed has
// a mark above began.
func (s *store) scan(it *item, answer, o, right ref) (_ ref, began uint32) {
	began = s.beginVisits()
	moved := began // the mark when the answer last moved
	for o != 0 && o != right {
		mark := s.visit(o)
		c := &s.items[o]
		if c.sameOrigin(it) {
			if s.clients[c.client()].id < s.clients[it.client()].id {
				answer, moved = o, mark
			} else if c.sameRightOrigin(it) {
				break
			}
		} else {
			passed := s.visitOfOrigin(o)
			if passed <= began {
				break
			}
			if passed <= moved {
				answer, moved = o, mark
			}
		}
		o = c.right
		if s.work++; s.work > s.budget {
			break // the transaction is void: budget.go
		}
	}
	return answer, began
}

// beginVisits returns a threshold that every later mark exceeds, and no earlier one.
func (s *store) beginVisits() uint32 {
	if missing := len(s.items) - len(s.visits); missing > 0 {
		s.visits = append(s.visits, make([]uint32, missing)...)
	}
	if s.lastVisit > 1<<31 { // the counter would run over: begin anew
		s.lastVisit = 0
		clear(s.visits)
	}
	return s.lastVisit
}

// visit stamps an item as passed.
func (s *store) visit(r ref) uint32 {
	s.lastVisit++
	s.visits[r] = s.lastVisit
	return s.lastVisit
}

// visitOfOrigin is the mark of the item that holds the origin of r, 0 if it has none.
func (s *store) visitOfOrigin(r ref) uint32 {
	it := &s.items[r]
	if !it.hasOrigin() {
		return 0
	}
	s.work += 3 // a search
	return s.visits[s.itemAt(it.originClient, it.originClock)]
}

// link puts r behind left and draws the consequences.
func (tx *txn) link(r, left ref) {
	s := tx.store()
	it := &s.items[r]
	it.left = left
	if left != 0 {
		it.right = s.items[left].right
		s.items[left].right = r
	} else {
		it.right = s.first(it.place)
		s.setFirst(it.place, r)
	}
	if it.right != 0 {
		s.items[it.right].left = r
	}

	if it.visible() {
		s.types[it.place].length += uint64(it.length)
	} else if it.keyed() && it.right == 0 {
		// Rightmost in its chain: this is the key's value now, the last one is not.
		s.setLast(it.place, r)
		if left != 0 {
			tx.delete(left)
		}
	}

	if it.kind() == kindDeleted && !it.deleted() {
		it.meta |= metaDeleted
		tx.recordDelete(it)
	}
	owner := s.types[s.parent(it.place)].owner
	if owner != 0 && s.items[owner].deleted() || it.keyed() && it.right != 0 {
		tx.delete(r) // nobody will see it: its parent is gone, or a later value won
	}
}
