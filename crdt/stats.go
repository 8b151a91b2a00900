package crdt

import "unsafe"

// Stats is what a document holds, deleted parts included. Reading it costs nothing.
type Stats struct {
	Structs int // items, and runs of garbage
	Types   int // shared types, roots among them
	Roots   int
	Clients int // that have ever written
	Subdocs int // that are live
	Content int // bytes of content
	Pending int // structs and ranges of deletes that wait for updates; in none of the others
	Memory  int // bytes in all, as far as they are counted
}

// Stats counts.
func (d *Doc) Stats() Stats {
	s := &d.store
	st := Stats{
		Structs: len(s.items) - 1, Types: len(s.types) - 1, Roots: len(s.roots),
		Clients: len(s.clients), Subdocs: s.subdocs, Content: len(s.bytes) - s.dead,
		Pending: d.pending.structs + len(d.pending.deletes),
	}
	const perKey, perRef = 48, 8 // in a map of Go; in a client's log
	st.Memory = cap(s.items)*(int(unsafe.Sizeof(item{}))+perRef) + cap(s.types)*int(unsafe.Sizeof(typ{})) +
		cap(s.entries)*(int(unsafe.Sizeof(entry{}))+perKey) + cap(s.bytes) +
		cap(s.clients)*(int(unsafe.Sizeof(clientLog{}))+perKey) + 4*cap(s.marks) +
		len(d.cache.state) + len(d.cache.deletes)
	return st
}
