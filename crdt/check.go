package crdt

import (
	"fmt"
	"unicode/utf8"

	"weft/crdt/lib0"
)

// Check goes through the whole document and returns the first invariant it finds
// broken: a bug of this package, or damaged memory. A document that fails must not be
// stored. O(n) in structs and content.
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
	room, live, free := s.dead, 0, 0
	for r := 1; r < len(s.items); r++ {
		it := &s.items[r]
		room += int(it.reservedBytes())
		switch it.kind() {
		case kindFree:
			free++
			continue
		case kindGC:
		default:
			if !seen[r] {
				return fmt.Errorf("crdt: check: %v is in no list", s.id(it))
			}
		}
		live++
		if !d.keepDeleted && it.deleted() && it.kind() != kindGC && it.kind() != kindDeleted {
			return fmt.Errorf("crdt: check: %v is deleted and still has content", s.id(it))
		}
	}
	if room != len(s.bytes) {
		return fmt.Errorf("crdt: check: %d bytes reserved or dead of %d", room, len(s.bytes))
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
		return fmt.Errorf("crdt: check: %d structs in logs, %d in memory", logged, live)
	}
	if n := s.countSubdocs(); n != s.subdocs {
		return fmt.Errorf("crdt: check: %d subdocuments, counted as %d", n, s.subdocs)
	}
	if err := d.checkPending(); err != nil {
		return fmt.Errorf("crdt: check: pending: %w", err)
	}
	return nil
}

// checkLogs: each client's structs follow one another from clock 0; what they build
// on exists; their content is as long as they say.
func (s *store) checkLogs() error {
	for c := range s.clients {
		log := &s.clients[c]
		clock := uint32(0)
		for p := (spot{}); log.at(p) != 0; p = log.after(p) {
			it := &s.items[log.at(p)]
			k := it.kind()
			switch {
			case k > kindDoc:
				return fmt.Errorf("client %d: kind %d in its log", log.id, k)
			case it.client() != clientRef(c):
				return fmt.Errorf("client %d: holds a struct of client %d", log.id, s.clients[it.client()].id)
			case it.clock != clock || it.length == 0 || it.length > maxUnits-it.clock:
				return fmt.Errorf("client %d: struct [%d, %d) where %d was due", log.id, it.clock, it.end(), clock)
			case !it.deleted() && (k == kindGC || k == kindDeleted):
				return fmt.Errorf("%v has kind %d and is not deleted", s.id(it), k)
			case !k.runs() && it.length != 1:
				return fmt.Errorf("%v of kind %d has length %d", s.id(it), k, it.length)
			case it.hasOrigin() && s.clients[it.originClient].state <= it.originClock,
				it.hasRight() && s.clients[it.rightClient].state <= it.rightClock:
				return fmt.Errorf("%v builds on what is not here", s.id(it))
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
			return fmt.Errorf("client %d: a transaction is still open", log.id)
		}
	}
	return nil
}

func (s *store) checkContent(it *item) error {
	if it.kind() == kindType {
		if t := &s.types[it.data]; t.free || &s.items[t.owner] != it {
			return fmt.Errorf("its type is not its own")
		}
		return nil
	}
	if int(it.data)+int(it.reservedBytes()) > len(s.bytes) {
		return fmt.Errorf("content [%d, +%d of %d] outside %d bytes", it.data, it.size, it.reservedBytes(), len(s.bytes))
	}
	b := s.content(it)
	switch it.kind() {
	case kindGC, kindDeleted:
		if len(b) != 0 {
			return fmt.Errorf("deleted, with %d bytes of content", len(b))
		}
	case kindString:
		if !utf8.Valid(b) || utf16Len(b) != int(it.length) {
			return fmt.Errorf("%d units of text in an item of length %d", utf16Len(b), it.length)
		}
	case kindAny, kindJSON:
		r := lib0.NewReader(b)
		n := uint32(0)
		for ; r.Len() > 0; n++ {
			var err error
			if it.kind() == kindAny {
				err = r.SkipAny()
			} else {
				err = readJSON(&r, true)
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

// continues tells whether it was split off a longer value of the same key. Deletes do
// not come with the split: the value as a whole was live, of which readers see only the
// last unit. Yjs writes no such values, but its merged tombstones look like them until
// the delete set of the same update is applied.
func (s *store) isSplitValue(it *item) bool {
	if it.end() == s.clients[it.client()].state {
		return false
	}
	next := &s.items[s.at(it.client(), it.end())]
	return next.place == it.place && next.follows(it)
}

// checkType: lists and chains are linked both ways and belong to t; all of a chain
// but its last item is deleted; a deleted type holds nothing visible.
func (s *store) checkType(t typeRef, seen []bool) error {
	var length uint64
	walk := func(r ref, place placeRef) (last ref, err error) {
		for left := ref(0); r != 0; left, r = r, s.items[r].right {
			it := &s.items[r]
			switch {
			case seen[r]:
				return 0, fmt.Errorf("%v stands in two places", s.id(it))
			case it.kind() == kindGC || it.kind() == kindFree:
				return 0, fmt.Errorf("kind %d in a list", it.kind())
			case it.place != place:
				return 0, fmt.Errorf("%v belongs to place %x, not %x", s.id(it), it.place, place)
			case it.left != left:
				return 0, fmt.Errorf("%v does not know its left neighbour", s.id(it))
			case it.keyed() && it.right != 0 && !it.deleted() && !s.isSplitValue(it):
				return 0, fmt.Errorf("%v is an old value and not deleted", s.id(it))
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
		return fmt.Errorf("%d visible units, length says %d", length, s.types[t].length)
	}
	for e := s.types[t].entries; e != 0; e = s.entries[e].next {
		entry := &s.entries[e]
		if entry.parent != t || s.entryIndex[entryKey(t, entry.key)] != e {
			return fmt.Errorf("entry %d is not indexed", e)
		}
		last, err := walk(entry.first, placeRef(e)|placeKeyed)
		if err != nil {
			return err
		}
		if last != entry.last || last == 0 {
			return fmt.Errorf("key %d: last item is %d, not %d", entry.key, last, entry.last)
		}
	}
	return nil
}

// countSubdocs counts live subdocuments.
func (s *store) countSubdocs() (n int) {
	for i := range s.items {
		if it := &s.items[i]; it.kind() == kindDoc && !it.deleted() {
			n++
		}
	}
	return n
}

// checkPending: what waits does wait, and is counted.
func (d *Doc) checkPending() error {
	structs, bytes := 0, 0
	for i, c := range d.pending.clients {
		if i > 0 && d.pending.clients[i-1].client <= c.client {
			return fmt.Errorf("clients out of order")
		}
		if len(c.runs) == 0 || c.fits || d.store.state(c.on.Client) > c.on.Clock {
			return fmt.Errorf("client %d waits for %v, which is here", c.client, c.on)
		}
		for _, r := range c.runs {
			structs += r.structs
			bytes += len(r.raw)
		}
	}
	if structs != d.pending.structs || bytes != d.pending.bytes {
		return fmt.Errorf("%d structs and %d bytes, counted as %d and %d",
			structs, bytes, d.pending.structs, d.pending.bytes)
	}
	for _, del := range d.pending.deletes {
		if del.clock < d.store.state(del.client) && del.client != d.client { // that of edits made here waits for an update
			return fmt.Errorf("delete of %v, which is here", ID{del.client, del.clock})
		}
	}
	return nil
}
