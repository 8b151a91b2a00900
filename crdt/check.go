package crdt

import (
	"fmt"
	"unicode/utf8"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// Check verifies the invariants of the whole document and returns an error for the first
// one that is violated, which means a bug in this package or damaged memory. A document
// that fails the check must not be stored. It takes O(n) time in structs and content bytes.
func (d *Doc) Check() error {
	s := &d.store
	if err := s.checkLogs(); err != nil {
		return fmt.Errorf("crdt: check: %w", err)
	}
	seen := make([]bool, len(s.items))
	for t := 1; t < len(s.types); t++ {
		if s.types[t].free {
			continue
		}
		if err := s.checkType(typeRef(t), seen); err != nil {
			return fmt.Errorf("crdt: check: type %d: %w", t, err)
		}
	}
	accounted, live, free := s.dead, 0, 0
	for r := 1; r < len(s.items); r++ {
		it := &s.items[r]
		accounted += int(it.reservedBytes())
		switch it.kind() {
		case kindFree:
			free++
			continue
		case kindGC:
		default:
			if !seen[r] {
				return fmt.Errorf("crdt: check: %v is in no list and in no chain of a key", s.id(it))
			}
		}
		live++
		if !d.keepDeleted && it.deleted() && it.kind() != kindGC && it.kind() != kindDeleted {
			return fmt.Errorf("crdt: check: %v is deleted and still has content", s.id(it))
		}
	}
	if accounted != len(s.bytes) {
		return fmt.Errorf("crdt: check: %d content bytes are reserved or unused, but there are %d", accounted, len(s.bytes))
	}
	logged := 0
	for i := range s.clients {
		log := &s.clients[i]
		logged += len(log.tail)
		for _, c := range log.full {
			if len(c) == 0 || len(c) > maxChunk || len(log.tail) == 0 {
				return fmt.Errorf("crdt: check: client %d: a chunk of %d structs", log.id, len(c))
			}
			logged += len(c)
		}
	}
	if logged != live {
		return fmt.Errorf("crdt: check: %d structs in the clients' logs, %d in memory", logged, live)
	}
	if n := s.countSubdocs(); n != s.subdocs {
		return fmt.Errorf("crdt: check: %d subdocuments, but the counter is %d", n, s.subdocs)
	}
	if err := d.checkPending(); err != nil {
		return fmt.Errorf("crdt: check: pending: %w", err)
	}
	return nil
}

// checkLogs checks the log of each client: its structs are contiguous from clock 0, their
// origins exist, and the length of their content matches.
func (s *store) checkLogs() error {
	for c := range s.clients {
		log := &s.clients[c]
		clock := uint32(0)
		for p := (logPos{}); log.at(p) != 0; p = log.next(p) {
			it := &s.items[log.at(p)]
			k := it.kind()
			switch {
			case k > kindDoc:
				return fmt.Errorf("client %d: kind %d in its log", log.id, k)
			case it.client() != clientRef(c):
				return fmt.Errorf("client %d: its log holds a struct of client %d", log.id, s.clients[it.client()].id)
			case it.clock != clock || it.length == 0 || it.length > maxUnits-it.clock:
				return fmt.Errorf("client %d: struct has clocks [%d, %d), but must start at %d", log.id, it.clock, it.end(), clock)
			case !it.deleted() && (k == kindGC || k == kindDeleted):
				return fmt.Errorf("%v has kind %d and is not deleted", s.id(it), k)
			case !k.IsRun() && it.length != 1:
				return fmt.Errorf("%v of kind %d has length %d", s.id(it), k, it.length)
			case it.hasOrigin() && s.clients[it.originClient].state <= it.originClock,
				it.hasRight() && s.clients[it.rightClient].state <= it.rightClock:
				return fmt.Errorf("%v has an origin that is not in the document", s.id(it))
			}
			if err := s.checkContent(it); err != nil {
				return fmt.Errorf("%v: %w", s.id(it), err)
			}
			clock = it.end()
		}
		if clock != log.state {
			return fmt.Errorf("client %d: state %d, but structs end at %d", log.id, log.state, clock)
		}
		if log.touched {
			return fmt.Errorf("client %d: its log is still marked as touched by a transaction", log.id)
		}
	}
	return nil
}

// checkContent checks that the content of an item is valid and as long as the item.
func (s *store) checkContent(it *item) error {
	if it.kind() == kindType {
		if t := &s.types[it.data]; t.free || &s.items[t.owner] != it {
			return fmt.Errorf("the type that it holds is free or has another owner")
		}
		return nil
	}
	if int(it.data)+int(it.reservedBytes()) > len(s.bytes) {
		return fmt.Errorf("content at %d of size %d, %d reserved, is outside the %d content bytes", it.data, it.size, it.reservedBytes(), len(s.bytes))
	}
	b := s.content(it)
	switch it.kind() {
	case kindGC, kindDeleted:
		if len(b) != 0 {
			return fmt.Errorf("it is deleted, but has %d bytes of content", len(b))
		}
	case kindString:
		if !utf8.Valid(b) || codec.UTF16Len(b) != int(it.length) {
			return fmt.Errorf("%d units of text in an item of length %d", codec.UTF16Len(b), it.length)
		}
	case kindAny, kindJSON:
		r := lib0.NewReader(b)
		n := uint32(0)
		for ; r.Len() > 0; n++ {
			var err error
			if it.kind() == kindAny {
				err = r.SkipAny()
			} else {
				err = codec.ReadJSONElement(&r)
			}
			if err != nil {
				return err
			}
		}
		if n != it.length {
			return fmt.Errorf("%d elements in an item of length %d", n, it.length)
		}
	}
	return nil
}

// isSplitValue reports whether the next item of the same key was split off from it. A key's
// value may be an item of several units, of which readers see only the last. Splitting it
// deletes nothing, so its left part stays live although it is not the last of its chain.
// Yjs writes no such values, but its merged tombstones look like them until the delete set
// of the same update is applied.
func (s *store) isSplitValue(it *item) bool {
	if it.end() == s.clients[it.client()].state {
		return false
	}
	next := &s.items[s.itemAt(it.client(), it.end())]
	return next.place == it.place && next.follows(it)
}

// checkType checks the list and the key chains of t: they are linked in both directions and
// belong to t, all items of a chain but the last are deleted, and a deleted type holds no
// visible item. It marks the items in seen.
func (s *store) checkType(t typeRef, seen []bool) error {
	var length uint64
	walk := func(r ref, place placeRef) (last ref, err error) {
		for left := ref(0); r != 0; left, r = r, s.items[r].right {
			it := &s.items[r]
			switch {
			case seen[r]:
				return 0, fmt.Errorf("%v is in two lists or twice in one", s.id(it))
			case it.kind() == kindGC || it.kind() == kindFree:
				return 0, fmt.Errorf("an item of kind %d is in a list", it.kind())
			case it.place != place:
				return 0, fmt.Errorf("%v has place %x, want %x", s.id(it), it.place, place)
			case it.left != left:
				return 0, fmt.Errorf("%v has left neighbour %d, want %d", s.id(it), it.left, left)
			case it.keyed() && it.right != 0 && !it.deleted() && !s.isSplitValue(it):
				return 0, fmt.Errorf("%v is a former value of its key and not deleted", s.id(it))
			case !it.deleted() && s.types[t].owner != 0 && s.items[s.types[t].owner].deleted():
				return 0, fmt.Errorf("%v is visible in a deleted type", s.id(it))
			}
			seen[r] = true
			if it.visible() {
				length += uint64(it.length)
			}
			last = r
		}
		return last, nil
	}
	if _, err := walk(s.types[t].start, placeRef(t)); err != nil {
		return err
	}
	if length != s.types[t].length {
		return fmt.Errorf("%d visible units, but the stored length is %d", length, s.types[t].length)
	}
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		entry := &s.entries[e]
		if entry.parent != t || s.entryIndex[entryKey(t, entry.key)] != e {
			return fmt.Errorf("entry %d is not in the index of entries", e)
		}
		last, err := walk(entry.first, placeRef(e)|placeKeyed)
		if err != nil {
			return err
		}
		if last != entry.last || last == 0 {
			return fmt.Errorf("key %d: the last item is %d, but the entry says %d", entry.key, last, entry.last)
		}
	}
	return nil
}

// countSubdocs counts the live subdocuments by visiting all items.
func (s *store) countSubdocs() (n int) {
	for i := range s.items {
		if it := &s.items[i]; it.kind() == kindDoc && !it.deleted() {
			n++
		}
	}
	return n
}

// checkPending checks that pending structs and deletes really miss dependencies, and that
// their counters are right.
func (d *Doc) checkPending() error {
	structs, bytes := 0, 0
	for i, c := range d.pending.clients {
		if i > 0 && d.pending.clients[i-1].client <= c.client {
			return fmt.Errorf("clients are not in descending order")
		}
		if len(c.runs) == 0 || c.isReady || d.store.state(c.dependsOn.Client) > c.dependsOn.Clock {
			return fmt.Errorf("client %d is pending on %v, which is in the document", c.client, c.dependsOn)
		}
		for _, r := range c.runs {
			structs += r.structs
			bytes += len(r.raw)
		}
	}
	if structs != d.pending.structs || bytes != d.pending.bytes {
		return fmt.Errorf("%d structs and %d bytes, but the counters are %d and %d",
			structs, bytes, d.pending.structs, d.pending.bytes)
	}
	for _, del := range d.pending.deletes {
		// A pending delete of a unit that a local edit created is applied by the next
		// ApplyUpdate only.
		if del.Clock < d.store.state(del.Client) && del.Client != d.client {
			return fmt.Errorf("the delete of %v is pending, but the unit is in the document", ID{del.Client, del.Clock})
		}
	}
	return nil
}
