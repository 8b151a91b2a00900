package crdt

// What happens at the end of a transaction to keep the document small: content that
// was deleted goes, and structs that became alike and adjacent are merged.

// collect drops the content of deleted items in a span. An item stays as an anchor
// of the same length; of a nested type, all descendants become GCs, as nobody can
// refer to their places any more.
func (tx *txn) collect(d span) {
	s := tx.store()
	log := &s.clients[d.client]
	for i := s.search(log, d.from); i < len(log.refs); i++ {
		r := log.refs[i]
		it := &s.items[r]
		if it.clock >= d.to {
			return
		}
		if it.kind == kindGC || it.kind == kindDeleted || !it.deleted {
			continue
		}
		tx.work = tx.work[:0]
		tx.drop(it)
		it.kind = kindDeleted
		for len(tx.work) > 0 {
			child := tx.work[len(tx.work)-1]
			tx.work = tx.work[:len(tx.work)-1]
			c := &s.items[child]
			tx.drop(c)
			*c = item{
				clock: c.clock, length: c.length, client: c.client, kind: kindGC, deleted: true,
				originClient: noClient, rightClient: noClient,
			}
		}
	}
}

// drop frees the content of an item; the children of a type go onto the work stack.
func (tx *txn) drop(it *item) {
	s := tx.store()
	if it.kind != kindType {
		s.forget(it)
		return
	}
	t := typeRef(it.data)
	it.data = 0
	for o := s.types[t].start; o != 0; o = s.items[o].right {
		tx.work = append(tx.work, o)
	}
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		for o := s.entries[e].last; o != 0; o = s.items[o].left { // every value it ever had
			tx.work = append(tx.work, o)
		}
	}
	s.dropEntries(t)
	s.releaseType(t)
}

// compact merges neighbours in one client's log, in one pass. seams are the clocks
// [from, to] at which a struct may begin that now fits its left neighbour; they are
// sorted and disjoint. Where two merge, the ones further left are looked at too.
func (s *store) compact(log *clientLog, seams []span) {
	refs := log.refs
	out, in := 0, 0 // refs[:out] is done, refs[in:] is not; nothing in between
	for _, seam := range seams {
		i := in + s.lowerBound(refs[in:], seam.from)
		if out == 0 && in == 0 {
			out, in = i, i
		} else if i > in {
			out += copy(refs[out:], refs[in:i])
			in = i
		}
		for ; in < len(refs) && s.items[refs[in]].clock <= seam.to; in++ {
			if out == 0 || !s.merge(refs[out-1], refs[in]) {
				refs[out] = refs[in]
				out++
				continue
			}
			for out > 1 && s.merge(refs[out-2], refs[out-1]) {
				out--
			}
		}
	}
	if out < in {
		out += copy(refs[out:], refs[in:])
		log.refs = refs[:out]
	}
}

// lowerBound is the position of the first struct that begins at clock or later.
func (s *store) lowerBound(refs []ref, clock uint64) int {
	lo, hi := 0, len(refs) // refs[:lo] begin before clock, refs[hi:] do not
	if hi > 1 && s.items[refs[hi-2]].clock < clock {
		lo = hi - 1 // the end of the log is where most things happen
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if s.items[refs[mid]].clock < clock {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// merge lets l absorb r, its right neighbour in the log, if they form one run: as
// if they had been written at once. Otherwise it changes nothing.
func (s *store) merge(l, r ref) bool {
	left, right := &s.items[l], &s.items[r]
	if left.kind != right.kind || left.deleted != right.deleted || !left.kind.runs() {
		return false
	}
	if left.kind == kindGC {
		left.length += right.length
		s.release(r)
		return true
	}
	if left.right != r || right.originClient != right.client || right.originClock != right.clock-1 ||
		!left.sameRightOrigin(right) {
		return false
	}
	s.joinContent(left, right)
	left.length += right.length
	left.right = right.right
	if right.right != 0 {
		s.items[right.right].left = l
	} else if right.key != 0 {
		s.setLast(right.parent, right.key, l)
	}
	s.release(r)
	return true
}
