package crdt

import (
	"math"
	"slices"
)

// store holds all structs of a document and finds them by ID. It knows nothing of
// transactions; what must be noted down on a change, txn.go notes.
type store struct {
	items    []item // items[0] is unused
	freeItem ref    // list of kindFree slots, linked by right

	types    []typ // types[0] is unused
	freeType typeRef
	roots    []typeRef // in order of first mention

	entries    []entry // entries[0] is unused
	freeEntry  entryRef
	entryIndex map[uint64]entryRef // by parent<<32 | key

	clients     []clientLog
	clientIndex map[uint64]clientRef
	lastClient  clientRef   // found last
	descending  []clientRef // by id, highest first; rebuilt when its length is off

	names names

	subdocs int // live items of kindDoc

	bytes []byte // content of all items, in no order
	dead  int    // bytes that belong to no item; compacted when they prevail

	visits    []uint32 // by ref: when the last conflict scan passed there. Short or empty until there is one
	lastVisit uint32   // the last mark handed out by a conflict scan
	siblings  []*siblingIndex

	siblingSpare [][]sibling // chunks of indexes that were thrown away
	gatherVain   int         // how many of the last indexes were made in vain
	gatherWait   int         // long scans to go until the next one is made

	offsetTables  []offsetTable // of the running transaction
	expectedItems int           // items that the running transaction may add beyond the room there is
	generation    int           // changes when all refs become stale

	work, budget int // steps that the running transaction has made, and may make
}

func (s *store) init() {
	s.items = make([]item, 1)
	s.types = make([]typ, 1)
	s.entries = make([]entry, 1)
	s.entryIndex = map[uint64]entryRef{}
	s.clientIndex = map[uint64]clientRef{}
	s.budget = math.MaxInt
}

// state is the next clock expected from a client, 0 for an unknown one.
func (s *store) state(client uint64) uint64 {
	if c, ok := s.findClient(client); ok {
		return uint64(s.clients[c].state)
	}
	return 0
}

// findClient looks a client up; most often it is the one asked for last.
func (s *store) findClient(id uint64) (clientRef, bool) {
	if c := s.lastClient; int(c) < len(s.clients) && s.clients[c].id == id {
		return c, true
	}
	c, ok := s.clientIndex[id]
	if ok {
		s.lastClient = c
	}
	return c, ok
}

// client finds or adds a client. *clientLog held across it may be stale.
func (s *store) client(id uint64) clientRef {
	c, ok := s.findClient(id)
	if !ok {
		c = clientRef(len(s.clients))
		s.clients = append(s.clients, clientLog{id: id})
		s.clientIndex[id] = c
	}
	return c
}

// byID lists the clients, highest id first: the order of everything on the wire.
func (s *store) byID() []clientRef {
	if len(s.descending) != len(s.clients) {
		s.descending = s.descending[:0]
		for c := range s.clients {
			s.descending = append(s.descending, clientRef(c))
		}
		slices.SortFunc(s.descending, func(a, b clientRef) int {
			if s.clients[a].id > s.clients[b].id {
				return -1
			}
			return 1
		})
	}
	return s.descending
}

// id names the first unit of an item.
func (s *store) id(it *item) ID { return ID{s.clients[it.client()].id, uint64(it.clock)} }

// newItem is a zeroed slot. It may move the arena: *item held across it are stale.
func (s *store) newItem() ref {
	if r := s.freeItem; r != 0 {
		s.freeItem = s.items[r].right
		s.items[r] = item{}
		return r
	}
	if len(s.items) == cap(s.items) {
		more := max(s.expectedItems, len(s.items)/4, 16)
		s.items = append(make([]item, 0, len(s.items)+more), s.items...)
		s.expectedItems = 0
	}
	s.items = s.items[:len(s.items)+1] // zero: nobody has used it
	return ref(len(s.items) - 1)
}

// releaseItem gives a slot back. Nothing may point at it any more.
func (s *store) releaseItem(r ref) {
	s.items[r] = item{meta: uint32(kindFree), right: s.freeItem}
	s.freeItem = r
}

func (s *store) newType(t typ) typeRef {
	if r := s.freeType; r != 0 {
		s.freeType = typeRef(s.types[r].start)
		s.types[r] = t
		return r
	}
	s.types = append(s.types, t)
	return typeRef(len(s.types) - 1)
}

func (s *store) releaseType(t typeRef) {
	s.types[t] = typ{free: true, start: ref(s.freeType)}
	s.freeType = t
}

// root finds or adds a root type.
func (s *store) root(name []byte) typeRef {
	n := s.names.intern(name)
	if e := s.entryIndex[rootKey(n)]; e != 0 {
		return typeRef(e)
	}
	t := s.newType(typ{name: n})
	s.roots = append(s.roots, t)
	s.entryIndex[rootKey(n)] = entryRef(t)
	return t
}

// findRoot is root for readers: 0 when there is none of this name.
func (s *store) findRoot(name string) typeRef {
	n := s.names.lookup(name)
	if n == 0 {
		return 0
	}
	return typeRef(s.entryIndex[rootKey(n)])
}

// rootKey places roots in entryIndex as keys of type 0, which does not exist.
func rootKey(n nameRef) uint64 { return uint64(n) }

func entryKey(t typeRef, key nameRef) uint64 { return uint64(t)<<32 | uint64(key) }

// placeOf is the list of a type, or the chain of a key, if key is not 0. A chain that
// is not there yet is begun: an item must follow.
func (s *store) placeOf(t typeRef, key nameRef) placeRef {
	if key == 0 {
		return placeRef(t)
	}
	e := s.entryIndex[entryKey(t, key)]
	if e == 0 {
		n := entry{parent: t, key: key, next: s.types[t].entries}
		if e = s.freeEntry; e != 0 {
			s.freeEntry = s.entries[e].next
			s.entries[e] = n
		} else {
			e = entryRef(len(s.entries))
			s.entries = append(s.entries, n)
		}
		s.types[t].entries = e
		s.entryIndex[entryKey(t, key)] = e
	}
	return placeRef(e) | placeKeyed
}

// parent is the type in which a place is.
func (s *store) parent(p placeRef) typeRef {
	if p&placeKeyed != 0 {
		return s.entries[p&^placeKeyed].parent
	}
	return typeRef(p)
}

// key is the key of which a place holds the values, 0 for a list.
func (s *store) key(p placeRef) nameRef {
	if p&placeKeyed != 0 {
		return s.entries[p&^placeKeyed].key
	}
	return 0
}

// firstUnit is the leftmost item of a place.
func (s *store) first(p placeRef) ref {
	if p&placeKeyed != 0 {
		return s.entries[p&^placeKeyed].first
	}
	return s.types[p].start
}

// setFirst makes r the leftmost item of a place.
func (s *store) setFirst(p placeRef, r ref) {
	if p&placeKeyed != 0 {
		s.entries[p&^placeKeyed].first = r
		return
	}
	s.types[p].start = r
}

// setLast makes r the rightmost item of a key's chain. Of lists nobody keeps it.
func (s *store) setLast(p placeRef, r ref) {
	if p&placeKeyed != 0 {
		s.entries[p&^placeKeyed].last = r
	}
}

// last is the rightmost item of a key's chain, 0 if the key was never set.
func (s *store) last(t typeRef, key nameRef) ref {
	return s.entries[s.entryIndex[entryKey(t, key)]].last
}

// dropEntries forgets all keys of a type.
func (s *store) dropEntries(t typeRef) {
	for e := s.types[t].entries; e != 0; {
		next := s.entries[e].next
		delete(s.entryIndex, entryKey(t, s.entries[e].key))
		s.entries[e] = entry{next: s.freeEntry}
		s.freeEntry = e
		e = next
	}
	s.types[t].entries = 0
}

// dropEntry forgets one key of a type, which has no items any more.
func (s *store) dropEntry(t typeRef, key nameRef) {
	e := s.entryIndex[entryKey(t, key)]
	delete(s.entryIndex, entryKey(t, key))
	if s.types[t].entries == e {
		s.types[t].entries = s.entries[e].next
	} else {
		before := s.types[t].entries
		for s.entries[before].next != e {
			before = s.entries[before].next
		}
		s.entries[before].next = s.entries[e].next
	}
	s.entries[e] = entry{next: s.freeEntry}
	s.freeEntry = e
}

// dropClient forgets the client added last, who has written nothing any more and to
// whom nothing refers.
func (s *store) dropClient(c clientRef) bool {
	if int(c) != len(s.clients)-1 {
		return false
	}
	delete(s.clientIndex, s.clients[c].id)
	s.clients = s.clients[:c]
	s.descending = s.descending[:0]
	s.lastClient = 0
	return true
}
