package crdt

import (
	"cmp"
	"slices"

	"weft/crdt/internal/codec"
)

// txn records what one change to the document does while it runs. At its end, deleted
// content can then be dropped, neighbours can be merged, and the change can be encoded. It
// lives in its Doc and is reused.
//
//	begin → integrate, delete, … → commit
//
// Nothing in between can fail, because updates are checked before begin.
type txn struct {
	doc   *Doc
	local bool // edits of this Doc, not an applied update

	touched            []clientRef // clients that grew; clientLog.before is where they began
	deleted            []span      // deleted units; commit sorts and joins them
	mergeSpans         []span      // where structs may have become mergeable: see mergeNeighbours
	stack              []ref       // scratch
	collectedOldValues bool        // collectSpan made GCs of values that were overwritten earlier
}

// span is a range of one client's clocks: [from, to); in txn.mergeSpans [from, to].
type span struct {
	client   clientRef
	from, to uint32
}

func (tx *txn) store() *store { return &tx.doc.store }

// begin begins a transaction.
func (tx *txn) begin() {
	tx.touched, tx.deleted, tx.mergeSpans = tx.touched[:0], tx.deleted[:0], tx.mergeSpans[:0]
	if s := tx.store(); s.offsetTables != nil {
		s.offsetTables = nil
	}
}

// hasChanges reports whether anything changed since begin.
func (tx *txn) hasChanges() bool { return len(tx.touched) > 0 || len(tx.deleted) > 0 }

// stateBefore returns a client's state when the transaction began.
func (tx *txn) stateBefore(c clientRef) uint32 {
	log := &tx.store().clients[c]
	if log.touched {
		return log.before
	}
	return log.state
}

// appendToLog adds a struct to the end of its client's log.
func (tx *txn) appendToLog(c clientRef, r ref) {
	s := tx.store()
	log := &s.clients[c]
	if !log.touched {
		log.touched, log.before = true, log.state
		tx.touched = append(tx.touched, c)
	}
	log.push(r)
	log.state = s.items[r].end()
}

// appendGCToLog adds a GC to the end of its client's log, or extends the GC that stands
// there, with which it would be merged anyway.
func (tx *txn) appendGCToLog(c clientRef, clock, length uint32) {
	s := tx.store()
	tx.doc.cache.deletes = nil
	if log := &s.clients[c]; log.touched {
		if last := &s.items[log.at(log.last())]; last.kind() == kindGC {
			last.length += length
			log.state += length
			return
		}
	}
	r := s.newItem()
	s.items[r] = gc(c, clock, length)
	tx.appendToLog(c, r)
}

// setContent gives r the content of w from its unit skip on.
func (s *store) setContent(r ref, w *codec.Struct, skip uint64) {
	it := &s.items[r]
	switch b := w.Content; w.Kind {
	case kindDeleted:
	case kindType:
		t := typ{owner: r, shape: w.Shape}
		if codec.ShapeHasName(w.Shape) {
			t.name = s.names.intern(w.Name)
		}
		it.data = uint32(s.newType(t))
	case kindString:
		halved := false
		if skip > 0 {
			var at int
			if at, halved = codec.UTF16Offset(b, int(w.Length), int(skip)); halved {
				at += 4
			}
			b = b[at:]
		}
		if halved {
			s.storeContent(it, []byte(codec.Replacement))
			s.bytes = append(s.bytes, b...)
			it.size += uint32(len(b))
		} else {
			s.storeContent(it, b)
		}
	case kindJSON, kindAny:
		s.storeContent(it, b[codec.ElementOffset(w.Kind, b, skip):])
	case kindDoc:
		s.subdocs++
		s.storeContent(it, b)
	default:
		s.storeContent(it, b)
	}
}

// itemStartingAt returns the struct whose first unit is (c, clock). If need be it splits
// an item (getItemCleanStart in Yjs). A GC is not split, because it has no place in a
// list.
func (tx *txn) itemStartingAt(c clientRef, clock uint32) ref {
	s := tx.store()
	log := &s.clients[c]
	p := s.searchFrom(log, clock, &log.rightHint)
	r := log.at(p)
	if it := &s.items[r]; it.clock == clock || it.kind() == kindGC {
		return r
	}
	return tx.splitForNeighbour(log, p, clock-s.items[r].clock)
}

// itemEndingAt returns the struct whose last unit is (c, clock). If need be it splits an
// item (getItemCleanEnd in Yjs).
func (tx *txn) itemEndingAt(c clientRef, clock uint32) ref {
	s := tx.store()
	log := &s.clients[c]
	p := s.search(log, clock)
	r := log.at(p)
	if it := &s.items[r]; it.end() != clock+1 && it.kind() != kindGC {
		tx.splitForNeighbour(log, p, clock+1-it.clock)
	}
	return r
}

// split divides the item at p of its client's log before its n-th unit, 0 < n < length,
// and returns the right part. The left part keeps its ref.
func (tx *txn) split(log *clientLog, p logPos, n uint32) ref {
	s := tx.store()
	l, r := log.at(p), s.newItem()
	left, right := &s.items[l], &s.items[r]
	*right = *left
	right.clock, right.length = left.clock+n, left.length-n
	right.originClient, right.originClock = left.client(), right.clock-1
	right.left = l
	s.splitContent(left, right, n)
	left.length = n
	left.right = r
	if right.right != 0 {
		s.items[right.right].left = r
	} else {
		s.setLast(right.place, r)
	}
	log.insert(p, r)
	return r
}

// splitForNeighbour is split at the place of a new neighbour. If that is then placed
// elsewhere, commit merges the parts again.
func (tx *txn) splitForNeighbour(log *clientLog, p logPos, n uint32) ref {
	r := tx.split(log, p, n)
	it := &tx.store().items[r]
	tx.mergeSpans = append(tx.mergeSpans, span{it.client(), it.clock, it.end()})
	return r
}

// delete marks an item as deleted, and everything that is visible only through it.
func (tx *txn) delete(r ref) {
	s := tx.store()
	tx.stack = append(tx.stack[:0], r)
	for len(tx.stack) > 0 {
		r := tx.stack[len(tx.stack)-1]
		tx.stack = tx.stack[:len(tx.stack)-1]
		it := &s.items[r]
		if it.deleted() {
			if it.clock < tx.stateBefore(it.client()) {
				// Deleted before its parent was. It becomes a GC together with its neighbours
				// and may then be merged with them.
				tx.mergeSpans = append(tx.mergeSpans, span{it.client(), it.clock, it.end()})
			}
			continue
		}
		if it.visible() {
			s.types[it.place].length -= uint64(it.length)
		}
		it.meta |= metaDeleted
		tx.recordDelete(it)
		if it.kind() != kindType {
			if it.kind() == kindDoc {
				s.subdocs--
			}
			continue
		}
		t := &s.types[it.data]
		for o := t.start; o != 0; o = s.items[o].right {
			tx.stack = append(tx.stack, o)
		}
		for e := t.entries; e != 0; e = s.entries[e].next {
			tx.stack = append(tx.stack, s.entries[e].last)
			for o := s.items[s.entries[e].last].left; o != 0; o = s.items[o].left {
				if !s.items[o].deleted() { // see store.continues: rare
					tx.stack = append(tx.stack, o)
				}
			}
		}
	}
}

// recordDelete adds an item to the units that this transaction deleted.
func (tx *txn) recordDelete(it *item) {
	if n := len(tx.deleted); n > 0 {
		if last := &tx.deleted[n-1]; last.client == it.client() && last.to == it.clock {
			last.to = it.end()
			return
		}
	}
	tx.deleted = append(tx.deleted, span{it.client(), it.clock, it.end()})
}

// deleteRanges deletes ranges of one client's units. All units are known, and the ranges
// are in normal form. As long as the next range is near, it walks along the log instead of
// searching.
func (tx *txn) deleteRanges(c clientRef, ranges codec.DeleteSet) {
	s := tx.store()
	log := &s.clients[c]
	var p logPos
	for i, d := range ranges {
		from, to := uint32(d.Clock), uint32(d.End())
		near := i > 0
		for steps := 0; near && s.items[log.at(p)].end() <= from; steps++ {
			p = log.next(p)
			near = steps < 8
		}
		if !near {
			p = s.search(log, from)
		}
		if it := &s.items[log.at(p)]; it.clock < from && !it.deleted() {
			tx.split(log, p, from-it.clock)
			p = s.search(log, from)
		}
		for {
			it := &s.items[log.at(p)]
			if !it.deleted() {
				if to < it.end() {
					tx.split(log, p, to-it.clock)
					p = s.search(log, it.clock)
				}
				tx.delete(log.at(p))
			}
			if s.items[log.at(p)].end() >= to {
				break
			}
			p = log.next(p)
		}
	}
}

// commit ends the transaction: it drops deleted content, unless the document keeps it, and
// merges neighbours.
func (tx *txn) commit() {
	s := tx.store()
	if tx.hasChanges() {
		tx.doc.cache.invalidate(len(tx.deleted) > 0)
	}
	if len(tx.deleted) == 0 && len(tx.mergeSpans) == 0 && len(tx.touched) == 1 {
		tx.commitAppend(&s.clients[tx.touched[0]])
		return
	}
	tx.deleted = sortSpans(tx.deleted)
	if !tx.doc.keepDeleted {
		for _, d := range tx.deleted {
			tx.collectSpan(d)
		}
	}
	var valueSpans []span
	if tx.collectedOldValues {
		valueSpans, tx.collectedOldValues = slices.Clone(tx.mergeSpans), false
		tx.mergeSpans = tx.mergeSpans[:0]
	}
	tx.mergeSpans = slices.Grow(tx.mergeSpans, len(tx.deleted)+len(tx.touched))
	tx.mergeSpans = append(tx.mergeSpans, tx.deleted...)
	for _, c := range tx.touched {
		tx.mergeSpans = append(tx.mergeSpans, span{c, s.clients[c].before, s.clients[c].state})
	}
	tx.mergeSpans = sortSpans(tx.mergeSpans)
	for spans := tx.mergeSpans; len(spans) > 0; {
		n := 1
		for n < len(spans) && spans[n].client == spans[0].client {
			n++
		}
		s.mergeNeighbours(&s.clients[spans[0].client], spans[:n])
		spans = spans[n:]
	}
	for _, span := range slices.Backward(valueSpans) {
		s.mergeAround(&s.clients[span.client], span.from)
	}
	for _, c := range tx.touched {
		s.clients[c].touched = false
	}
	s.compactBytes()
	if cap(tx.mergeSpans) > 1024 {
		tx.mergeSpans = nil
	}
	if slack := cap(s.items) - len(s.items); slack > 1024 && slack > len(s.items)/2 {
		s.items = slices.Clip(append(make([]item, 0, len(s.items)), s.items...))
	}
}

// commitAppend ends a transaction that did nothing but append to one log: typing, which
// goes on where it stopped.
func (tx *txn) commitAppend(log *clientLog) {
	s := tx.store()
	log.touched = false
	p := log.last()
	if s.items[log.at(p)].clock != log.before {
		s.mergeNeighbours(log, []span{{tx.touched[0], log.before, log.state}})
		return
	}
	if left, ok := log.prev(p); ok && s.mergeItems(log.at(left), log.at(p)) {
		log.remove(p)
	}
}

// sortSpans sorts by client and clock, and joins spans that overlap or touch.
func sortSpans(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.from, b.from))
	})
	out := spans[:1]
	for _, next := range spans[1:] {
		if last := &out[len(out)-1]; last.client == next.client && next.from <= last.to {
			last.to = max(last.to, next.to)
		} else {
			out = append(out, next)
		}
	}
	return out
}
