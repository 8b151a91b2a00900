package crdt

import "weft/crdt/internal/codec"

// This file is the whole of conflict resolution. It takes an item that some client wrote
// and finds its place among the items of this document, such that every replica finds the
// same place in whatever order updates arrive. The algorithm is YATA (Nicolaescu et al.,
// "Near Real-Time Peer-to-Peer Shared Editing on Extensible Data Types", GROUP 2016) with
// right origins, as in Yjs 13 (Item.integrate).
//
// The writer saw two neighbours and sent their IDs: the origin on the left and the right
// origin on the right. Both are in the document, or the struct would still be pending
// (causal.go). If no item stands between them now, the place is plain. Items that do stand
// between them were written concurrently by clients that could not see this item either.
// Those are the conflicts, and scan walks over them. doc.go has an example.

// integrate makes w, from its unit skip on, part of the document. The document must have
// all units on which w depends, and the first skip units of w.
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
	case skip > 0: // the units before are known already, and this one follows them
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

// placeFor returns the list or the chain of values in which a new item stands: that of its
// neighbours, or, if it has none, the one that w names. It returns 0 if that type was
// deleted and collected; the item can then never be visible and becomes a GC.
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

// place returns the item behind which r is to be placed, 0 for the front of its list. left
// and right are the items at r's two origins, 0 where it has none.
func (s *store) place(r, left, right ref) ref {
	it := &s.items[r]
	answer, began := left, uint32(0)
	if between := s.nextIn(left, it.place); between != right {
		if answer, found := s.siblings.place(s, r, left); found {
			return answer
		}
		answer, began = s.scan(it, left, between, right)
		if s.lastVisit-began > longScan && s.siblings.build(s, it, left, right) {
			answer, _ = s.siblings.place(s, r, left)
			return answer
		}
	}
	if len(s.siblings.list) > 0 {
		s.siblings.keepTrue(s, it, left, answer, right, began)
	}
	return answer
}

// nextIn returns the item behind r, or, if r is 0, the first item of the place.
func (s *store) nextIn(r ref, place placeRef) ref {
	if r == 0 {
		return s.first(place)
	}
	return s.items[r].right
}

// scan resolves conflicts (YATA). It returns the left neighbour of the new item it, and
// the visit number before the scan. It walks over the conflicting items, from o to right,
// and keeps an answer: the left neighbour so far, at first the item at the origin. For each
// conflicting item o one of these holds:
//
//   - o has the same origin as the new item. The client with the lower id goes first. If
//     that is o, the answer moves behind o. If not, and the right origins are the same too,
//     the new item stands in front of o and of everything that follows: stop. With
//     different right origins scan goes on, because an item further right may still have
//     to come first.
//   - o's origin is an item that was walked over. If the answer is that item or an item
//     behind it, the answer becomes o, so that runs of different clients do not interleave.
//     Otherwise the answer stays: o belongs behind its origin, which the new item precedes.
//   - o's origin is in front of all items that were walked over. The new item comes before o
//     and everything behind o. Stop.
//
// This needs two sets of items: "walked over", and "walked over since the answer last
// moved". scan numbers each item that it passes (its visit). An item is in the first set if
// its visit exceeds began, and in the second set if its visit exceeds moved.
//
// The walk is as long as the number of items written here concurrently.
func (s *store) scan(it *item, answer, o, right ref) (_ ref, began uint32) {
	began = s.beginVisits()
	moved := began // the visit at which the answer last moved
	for o != 0 && o != right {
		visit := s.visit(o)
		c := &s.items[o]
		if c.sameOrigin(it) {
			if s.clients[c.client()].id < s.clients[it.client()].id {
				answer, moved = o, visit
			} else if c.sameRightOrigin(it) {
				break
			}
		} else {
			origin := s.visitOfOrigin(o)
			if origin <= began {
				break
			}
			if origin <= moved {
				answer, moved = o, visit
			}
		}
		o = c.right
		if s.work++; s.work > s.budget {
			break // the transaction will be rolled back: budget.go
		}
	}
	return answer, began
}

// beginVisits returns a threshold: later visits are above it, earlier ones are not.
func (s *store) beginVisits() uint32 {
	if missing := len(s.items) - len(s.visits); missing > 0 {
		s.visits = append(s.visits, make([]uint32, missing)...)
	}
	if s.lastVisit > 1<<31 { // restart the counter before it overflows
		s.lastVisit = 0
		clear(s.visits)
	}
	return s.lastVisit
}

// visit stamps an item as passed and returns the stamp.
func (s *store) visit(r ref) uint32 {
	s.lastVisit++
	s.visits[r] = s.lastVisit
	return s.lastVisit
}

// visitOfOrigin returns the stamp of the item that holds the origin of r, 0 if r has none.
func (s *store) visitOfOrigin(r ref) uint32 {
	it := &s.items[r]
	if !it.hasOrigin() {
		return 0
	}
	s.work += 3 // a binary search
	return s.visits[s.itemAt(it.originClient, it.originClock)]
}

// link inserts r behind left (0: at the front) and updates what depends on that: the length
// of the type, the value of the key, and whether r is deleted at once.
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
		// Rightmost in its chain: r is the key's value now, and the former value is not.
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
		tx.delete(r) // not visible: its parent is deleted, or a later value of the key won
	}
}
