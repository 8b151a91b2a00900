package crdt

import (
	"math"
	"slices"
)

// store holds all structs of a document and finds them by ID: the arena, which doc.go
// draws. Slices are indexed by refs (id.go), and slot 0 of each is unused, so that 0 means
// "none".
//
// The last fields belong to the running transaction. They are here to be reused; txn.go
// and budget.go own them.
type store struct {
	items    []item
	freeItem ref // first kindFree slot; the others are linked by item.right

	types    []typ
	freeType typeRef   // first free slot; the others are linked by typ.start
	roots    []typeRef // root types, in order of first mention

	entries    []entry // keys of types
	freeEntry  entryRef
	entryIndex map[uint64]entryRef // by entryKey; for roots, by rootKey

	clients     []clientLog
	clientIndex map[uint64]clientRef // by client id
	lastClient  clientRef            // found by the last look-up
	descending  []clientRef          // by id, highest first; rebuilt when its length differs

	names names

	subdocs int // live items of kindDoc

	bytes []byte // content of all items, in no order
	dead  int    // bytes that belong to no item: see compactBytes

	// Conflict resolution (integrate.go, siblings.go).
	visits    []uint32 // by ref: stamp of the last scan that passed the item; may be shorter than items
	lastVisit uint32   // the last stamp given
	siblings  siblingIndexes

	generation int // changes when all refs become stale

	// Of the running transaction.
	offsetTables  []offsetTable
	expectedItems int // items that the transaction may still add beyond the capacity of items
	work, budget  int // steps made, and steps allowed
}

func (s *store) init() {
	s.items = make([]item, 1)
	s.types = make([]typ, 1)
	s.entries = make([]entry, 1)
	s.entryIndex = map[uint64]entryRef{}
	s.clientIndex = map[uint64]clientRef{}
	s.budget = math.MaxInt
}

// state returns the next clock expected from a client, 0 for an unknown client.
func (s *store) state(client uint64) uint64 {
	if c, ok := s.findClient(client); ok {
		return uint64(s.clients[c].state)
	}
	return 0
}

// findClient looks up a client. Most often it is the client of the last look-up.
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

// client finds or adds a client. Pointers to a clientLog are invalid afterwards.
func (s *store) client(id uint64) clientRef {
	c, ok := s.findClient(id)
	if !ok {
		c = clientRef(len(s.clients))
		s.clients = append(s.clients, clientLog{id: id})
		s.clientIndex[id] = c
	}
	return c
}

// byID returns the clients, highest id first: the order of sections in updates.
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

// id returns the ID of the first unit of an item.
func (s *store) id(it *item) ID { return ID{s.clients[it.client()].id, uint64(it.clock)} }

// newItem returns a zeroed slot. It may move the arena, so pointers to an item are invalid
// afterwards.
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
	s.items = s.items[:len(s.items)+1] // zero: never used
	return ref(len(s.items) - 1)
}

// releaseItem frees a slot, to which nothing may refer any more.
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

// root finds or adds the root type of this name.
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

// findRoot returns the root type of this name, 0 if there is none.
func (s *store) findRoot(name string) typeRef {
	n := s.names.lookup(name)
	if n == 0 {
		return 0
	}
	return typeRef(s.entryIndex[rootKey(n)])
}

// rootKey is the key of a root in entryIndex: a key of type 0, which does not exist.
func rootKey(n nameRef) uint64 { return uint64(n) }

func entryKey(t typeRef, key nameRef) uint64 { return uint64(t)<<32 | uint64(key) }

// placeOf returns the list of a type or, if key is not 0, the chain of values of that key.
// It adds the key if need be; the caller must then add an item.
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

// parent returns the type to which a place belongs.
func (s *store) parent(p placeRef) typeRef {
	if p&placeKeyed != 0 {
		return s.entries[p&^placeKeyed].parent
	}
	return typeRef(p)
}

// key returns the key whose values a place holds, 0 for a list.
func (s *store) key(p placeRef) nameRef {
	if p&placeKeyed != 0 {
		return s.entries[p&^placeKeyed].key
	}
	return 0
}

// first returns the leftmost item of a place, 0 if it is empty.
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

// setLast makes r the rightmost item of a key's chain. For lists it is not kept.
func (s *store) setLast(p placeRef, r ref) {
	if p&placeKeyed != 0 {
		s.entries[p&^placeKeyed].last = r
	}
}

// last returns the rightmost item of a key's chain, 0 if the key was never set.
func (s *store) last(t typeRef, key nameRef) ref {
	return s.entries[s.entryIndex[entryKey(t, key)]].last
}

// dropEntries removes all keys of a type.
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

// dropEntry removes one key of a type. The key must have no items.
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

// dropClient removes the client if it was the last one added, and reports whether it did.
// The client must have no structs, and nothing may refer to it.
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
