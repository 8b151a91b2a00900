package crdt

import (
	"slices"

	"weft/crdt/internal/codec"
)

// LimitSubdocuments sets how many live (not deleted) subdocuments the document may have
// after ApplyUpdate and ApplyUpdateV2; beyond that they return ErrSubdocuments. An update
// that does not raise the number is never refused. 0, the default, means no limit.
func (d *Doc) LimitSubdocuments(limit int) { d.maxSubdocs = limit }

// exceedsSubdocLimit reports whether applying u would leave more subdocuments than the
// limit and more than there are now. Pending subdocuments count from when they arrive, not
// when they are integrated: otherwise the update that they depend on could be refused
// because of them.
func (d *Doc) exceedsSubdocLimit(u *parsedUpdate) bool {
	s, p := &d.store, &d.pending
	if d.maxSubdocs == 0 || u.subdocs == 0 || s.subdocs+p.structs+u.subdocs <= d.maxSubdocs {
		return false
	}
	u.deletes = u.deletes.Normalise()
	brought, ok := d.newSubdocs(u, d.maxSubdocs+s.subdocs)
	if !ok {
		return true
	}
	now := s.subdocs
	then := now + len(brought) - s.countDeletedSubdocs(u.deletes)
	p.eachSubdoc(s, func(id codec.ID) {
		if p.deletes.Contains(id) {
			return
		}
		now++
		if _, again := slices.BinarySearchFunc(brought, id, codec.CompareIDs); !again && !u.deletes.Contains(id) {
			then++
		}
	})
	return then > d.maxSubdocs && then > now
}

// newSubdocs returns the subdocuments of u that the document does not know and that u does
// not delete, in the order of u.sources. ok is false if there are more than limit.
func (d *Doc) newSubdocs(u *parsedUpdate, limit int) (ids []codec.ID, ok bool) {
	var w codec.Struct
	for i := range u.sources {
		s := u.sources[i] // a copy, because reading advances it
		for state := d.store.state(s.client); ; {
			size, more := s.peek(&w)
			if !more {
				break
			}
			if id := (codec.ID{Client: w.Client, Clock: w.Clock}); w.Kind == kindDoc && w.Clock >= state && !u.deletes.Contains(id) {
				if ids = append(ids, id); len(ids) > limit {
					return nil, false
				}
			}
			s.advance(w.Length, size)
		}
	}
	return ids, true
}

// eachSubdoc calls visit for each pending subdocument that the document does not know yet.
func (p *pending) eachSubdoc(s *store, visit func(codec.ID)) {
	var w codec.Struct
	for _, c := range p.clients {
		src := source{client: c.client, more: c.runs}
		next := s.state(c.client) // runs may overlap
		for {
			size, more := src.peek(&w)
			if !more {
				break
			}
			if w.Kind == kindDoc && w.Clock >= next {
				visit(codec.ID{Client: w.Client, Clock: w.Clock})
				next = w.End()
			}
			src.advance(w.Length, size)
		}
	}
}

// countDeletedSubdocs returns how many live subdocuments ds, in normal form, deletes.
func (s *store) countDeletedSubdocs(ds codec.DeleteSet) (n int) {
	if s.subdocs == 0 {
		return 0
	}
	for _, d := range ds {
		c, known := s.findClient(d.Client)
		if !known || d.Clock >= uint64(s.clients[c].state) {
			continue
		}
		log := &s.clients[c]
		for p := s.search(log, uint32(d.Clock)); ; p = log.next(p) {
			r := log.at(p)
			if r == 0 || uint64(s.items[r].clock) >= d.End() {
				break
			}
			if it := &s.items[r]; it.kind() == kindDoc && !it.deleted() {
				n++
			}
		}
	}
	return n
}
