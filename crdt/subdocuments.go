package crdt

import "slices"

// LimitSubdocuments sets how many live (not deleted) subdocuments the document may have
// after ApplyUpdate and ApplyUpdateV2; beyond that they return ErrSubdocuments. An update
// that does not raise the number is never refused. 0, the default, means no limit.
func (d *Doc) LimitSubdocuments(limit int) { d.maxSubdocs = limit }

// exceedsSubdocLimit reports whether applying u would leave more subdocuments than the
// limit and more than there are now. Pending subdocuments count from when they arrive, not
// when they are integrated: otherwise the update that they depend on could be refused
// because of them.
func (d *Doc) exceedsSubdocLimit(u *parsed) bool {
	s, p := &d.store, &d.pending
	if d.maxSubdocs == 0 || u.subdocs == 0 || s.subdocs+p.structs+u.subdocs <= d.maxSubdocs {
		return false
	}
	u.deletes = u.deletes.normalise()
	brought, ok := d.newSubdocs(u, d.maxSubdocs+s.subdocs)
	if !ok {
		return true
	}
	now := s.subdocs
	then := now + len(brought) - s.countDeletedSubdocs(u.deletes)
	p.eachSubdoc(s, func(id ID) {
		if p.deletes.contains(id) {
			return
		}
		now++
		if _, again := slices.BinarySearchFunc(brought, id, compareIDs); !again && !u.deletes.contains(id) {
			then++
		}
	})
	return then > d.maxSubdocs && then > now
}

// newSubdocs returns the subdocuments of u that the document does not know and that u does
// not delete, in the order of u.sources. ok is false if there are more than limit.
func (d *Doc) newSubdocs(u *parsed, limit int) (ids []ID, ok bool) {
	var w wire
	for i := range u.sources {
		s := u.sources[i] // a copy, because reading advances it
		for state := d.store.state(s.client); ; {
			size, more := s.peek(&w)
			if !more {
				break
			}
			if id := (ID{w.client, w.clock}); w.kind == kindDoc && w.clock >= state && !u.deletes.contains(id) {
				if ids = append(ids, id); len(ids) > limit {
					return nil, false
				}
			}
			s.advance(w.length, size)
		}
	}
	return ids, true
}

// eachSubdoc calls visit for each pending subdocument that the document does not know yet.
func (p *pending) eachSubdoc(s *store, visit func(ID)) {
	var w wire
	for _, c := range p.clients {
		src := source{client: c.client, more: c.runs}
		next := s.state(c.client) // runs may overlap
		for {
			size, more := src.peek(&w)
			if !more {
				break
			}
			if w.kind == kindDoc && w.clock >= next {
				visit(ID{w.client, w.clock})
				next = w.end()
			}
			src.advance(w.length, size)
		}
	}
}

// countDeletedSubdocs returns how many live subdocuments ds, in normal form, deletes.
func (s *store) countDeletedSubdocs(ds deleteSet) (n int) {
	if s.subdocs == 0 {
		return 0
	}
	for _, d := range ds {
		c, known := s.findClient(d.client)
		if !known || d.clock >= uint64(s.clients[c].state) {
			continue
		}
		log := &s.clients[c]
		for p := s.search(log, uint32(d.clock)); ; p = log.after(p) {
			r := log.at(p)
			if r == 0 || uint64(s.items[r].clock) >= d.end() {
				break
			}
			if it := &s.items[r]; it.kind() == kindDoc && !it.deleted() {
				n++
			}
		}
	}
	return n
}

// contains reports whether ds, in normal form, contains a unit.
func (ds deleteSet) contains(id ID) bool {
	i, found := ds.search(id.Client, id.Clock)
	return found || i > 0 && ds[i-1].client == id.Client && id.Clock < ds[i-1].end()
}

// compareIDs orders by client, descending, then by clock, ascending: the order of structs in
// an update.
func compareIDs(a, b ID) int {
	return compareDeletions(deletion{client: a.Client, clock: a.Clock}, deletion{client: b.Client, clock: b.Clock})
}
