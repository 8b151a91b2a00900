package crdt

import "slices"

// LimitSubdocuments bounds the subdocuments that ApplyUpdate and ApplyUpdateV2 may make
// live from now on, see ErrSubdocuments. 0, as at first, is any.
func (d *Doc) LimitSubdocuments(most int) { d.maxSubdocs = most }

// tooManySubdocs tells whether an update would leave more subdocuments than there may be,
// and more than there are. Those that wait for other updates count from when they come: the
// update that they wait for must not be refused for them.
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

// subdocsOf lists the subdocuments of an update that are not known and that it does not
// delete, in the order of its sources; not ok if there are more than most.
func (d *Doc) newSubdocs(u *parsed, most int) (ids []ID, ok bool) {
	var w wire
	for i := range u.sources {
		s := u.sources[i] // reading it moves it on
		for state := d.store.state(s.client); ; {
			size, more := s.peek(&w)
			if !more {
				break
			}
			if id := (ID{w.client, w.clock}); w.kind == kindDoc && w.clock >= state && !u.deletes.contains(id) {
				if ids = append(ids, id); len(ids) > most {
					return nil, false
				}
			}
			s.advance(w.length, size)
		}
	}
	return ids, true
}

// eachSubdoc visits the subdocuments that wait and are not known.
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

// subdocsIn counts the live subdocuments that a set in normal form deletes.
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

// has tells whether a set in normal form has a unit.
func (ds deleteSet) contains(id ID) bool {
	i, found := ds.search(id.Client, id.Clock)
	return found || i > 0 && ds[i-1].client == id.Client && id.Clock < ds[i-1].end()
}

// compareIDs orders as sources do: clients descending, clocks ascending.
func compareIDs(a, b ID) int {
	return compareDeletions(deletion{client: a.Client, clock: a.Clock}, deletion{client: b.Client, clock: b.Clock})
}
