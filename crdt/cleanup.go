package crdt

// This file keeps the document small at the end of a transaction: it drops the content of
// deleted items, and merges neighbours that form one run (cleanupTransactions in Yjs).

// collectSpan drops the content of the deleted items in a span. An item stays as an anchor
// of the same length. If it holds a type, all descendants become GCs, because nothing can
// refer to their places any more.
func (tx *txn) collectSpan(d span) {
	s := tx.store()
	log := &s.clients[d.client]
	for p := s.search(log, d.from); ; p = log.next(p) {
		r := log.at(p)
		if r == 0 || s.items[r].clock >= d.to {
			return
		}
		it := &s.items[r]
		if it.kind() == kindGC || it.kind() == kindDeleted || !it.deleted() {
			continue
		}
		tx.stack = tx.stack[:0]
		tx.collectItem(it)
		it.meta = it.meta&^metaKind | uint32(kindDeleted)
		for len(tx.stack) > 0 {
			child := tx.stack[len(tx.stack)-1]
			tx.stack = tx.stack[:len(tx.stack)-1]
			c := &s.items[child]
			tx.collectItem(c)
			*c = gc(c.client(), c.clock, c.length)
		}
	}
}

// collectItem drops the content of an item. The children of a type are put on tx.stack.
func (tx *txn) collectItem(it *item) {
	s := tx.store()
	if it.kind() != kindType {
		s.dropContent(it)
		return
	}
	s.siblings.dropAll() // the type may be the place of one
	t := typeRef(it.data)
	it.data = 0
	for o := s.types[t].start; o != 0; o = s.items[o].right {
		tx.stack = append(tx.stack, o)
	}
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		for o := s.entries[e].last; o != 0; o = s.items[o].left { // every value that the key ever had
			tx.stack = append(tx.stack, o)
			tx.collectedOldValues = tx.collectedOldValues || o != s.entries[e].last
		}
	}
	s.dropEntries(t)
	s.releaseType(t)
}

// mergeNeighbours merges neighbours in one client's log. spans are the clocks [from, to]
// at which structs may begin that now fit their left neighbours; they are sorted and
// disjoint. Where two structs merge, those further left are tried as well.
func (s *store) mergeNeighbours(log *clientLog, spans []span) {
	for _, span := range spans {
		p := s.lowerBound(log, span.from)
		for {
			r := log.at(p)
			if r == 0 || s.items[r].clock > span.to {
				break
			}
			left, ok := log.prev(p)
			if !ok || !s.mergeItems(log.at(left), r) {
				p = log.next(p)
				continue
			}
			p = log.remove(p)
			for {
				further, ok := log.prev(left)
				if !ok || !s.mergeItems(log.at(further), log.at(left)) {
					break
				}
				p = log.remove(left)
				left = further
			}
		}
	}
}

// mergeItems lets l absorb r, its right neighbour in the log, if they form one run: as if
// they had been written at once. Otherwise it changes nothing and returns false.
func (s *store) mergeItems(l, r ref) bool {
	left, right := &s.items[l], &s.items[r]
	if (left.meta^right.meta)&(metaKind|metaDeleted) != 0 || !left.kind().IsRun() {
		return false
	}
	if left.kind() == kindGC {
		left.length += right.length
		s.releaseItem(r)
		return true
	}
	if left.right != r || !right.follows(left) || !left.sameRightOrigin(right) {
		return false
	}
	s.mergeContent(left, right)
	left.length += right.length
	left.meta |= right.meta & metaMarker
	left.right = right.right
	if right.right != 0 {
		s.items[right.right].left = l
	} else {
		s.setLast(right.place, l)
	}
	s.releaseItem(r)
	return true
}

// mergeAround merges the struct that holds clock with its right neighbour and with those
// to its left, as far as they form one run.
//
// This is needed to get the bytes of Yjs. Values that were overwritten before their type
// was deleted become GCs, and Yjs does not try to merge these with their neighbours. So it
// matters from which structs, and in which order, the neighbours are tried. Yjs does it in
// this way after all other merging. GCs that it does not reach stay apart.
func (s *store) mergeAround(log *clientLog, clock uint32) {
	p := s.search(log, clock)
	if s.mergeLeft(log, log.next(p)) <= 1 {
		s.mergeLeft(log, s.search(log, clock))
	}
}

// mergeLeft merges the struct at p with those before it, and counts them.
func (s *store) mergeLeft(log *clientLog, p logPos) (merged int) {
	for log.at(p) != 0 {
		left, ok := log.prev(p)
		if !ok || !s.mergeItems(log.at(left), log.at(p)) {
			break
		}
		log.remove(p)
		p = left
		merged++
	}
	return merged
}
