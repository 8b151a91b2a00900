package crdt

import "unsafe"

// Stats are the sizes of a document. Deleted items count, pending structs only in Pending.
type Stats struct {
	Structs int // items and GCs
	Types   int // shared types, roots included
	Roots   int // root types
	Clients int // clients that have ever written
	Subdocs int // subdocuments that are not deleted
	Content int // bytes of content
	Pending int // pending structs plus ranges of pending deletes
	Memory  int // bytes allocated, an estimate
}

// Stats returns the sizes of the document in constant time.
func (d *Doc) Stats() Stats {
	s := &d.store
	st := Stats{
		Structs: len(s.items) - 1, Types: len(s.types) - 1, Roots: len(s.roots),
		Clients: len(s.clients), Subdocs: s.subdocs, Content: len(s.bytes) - s.dead,
		Pending: d.pending.structs + len(d.pending.deletes),
	}
	const perKey, perRef = 48, 8 // bytes of an entry in a Go map, and of an item in a client's log
	st.Memory = cap(s.items)*(int(unsafe.Sizeof(item{}))+perRef) + cap(s.types)*int(unsafe.Sizeof(typ{})) +
		cap(s.entries)*(int(unsafe.Sizeof(entry{}))+perKey) + cap(s.bytes) +
		cap(s.clients)*(int(unsafe.Sizeof(clientLog{}))+perKey) + 4*cap(s.visits) +
		len(d.cache.state) + len(d.cache.deletes)
	return st
}
