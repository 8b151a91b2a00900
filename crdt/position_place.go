package crdt

import "unicode/utf8"

// Place is where a [Position] is in the current document (Yjs: absolute position).
type Place struct {
	Root  string // name of the root, if Type is nil
	Type  *ID    // the nested type, named by the unit that holds it; nil for a root
	Index int    // in visible units of the list: UTF-16 units of text, embeds, elements
}

// ResolvePosition returns where p is in the current document. A deleted unit stands for the
// place where it was. If its list was deleted, the index is 0, as long as the list is still
// stored. Index is never greater than the list's length. ok is false if
//
//   - the unit is unknown, or was garbage collected with the list around it,
//   - the unit is the value of a map key,
//   - p.Type names a unit that holds no type, or
//   - none of Item, Root and Type is set.
//
// The results are those of Yjs (createAbsolutePositionFromRelativePosition), with two
// exceptions. A browser that undid a deletion knows which new unit replaces the deleted
// one; no other replica does. And Yjs resolves the value of a map key, which no editor
// points at, to index 0 or 1 of a list that does not contain it.
func (d *Doc) ResolvePosition(p Position) (place Place, ok bool) {
	s := &d.store
	switch {
	case p.Item != nil:
		r := s.findItem(*p.Item)
		if r == 0 || s.items[r].kind() == kindGC || s.items[r].keyed() {
			return Place{}, false
		}
		it := &s.items[r]
		t := s.parent(it.place)
		place = s.startPlace(t)
		if owner := s.types[t].owner; owner != 0 && s.items[owner].deleted() {
			return place, true
		}
		if it.visible() {
			place.Index = int(uint32(p.Item.Clock) - it.clock)
			if p.Assoc < 0 {
				place.Index++
			}
		}
		place.Index += d.indexOf(r)
		return place, true
	case p.Root != nil:
		place.Root = *p.Root
		if p.Assoc >= 0 {
			place.Index = d.Length(*p.Root)
		}
		return place, true
	case p.Type != nil:
		t := s.findType(*p.Type)
		if t == 0 {
			return Place{}, false
		}
		place = s.startPlace(t)
		if p.Assoc >= 0 {
			place.Index = int(s.types[t].length)
		}
		return place, true
	}
	return Place{}, false
}

// PositionAt returns the position before the visible unit at index of a root's list, 0 ≤
// index ≤ Length. With assoc ≥ 0 the position belongs to the unit behind it, so content
// inserted there goes in front of it. With assoc < 0 it belongs to the unit before it. If
// there is no such unit, it belongs to the end or the start of the list. An index within a
// surrogate pair is allowed, as nothing is split. Errors: ErrRange, ErrUTF8.
//
// The encoded position has the same bytes as that of Yjs's
// createRelativePositionFromTypeIndex.
func (d *Doc) PositionAt(root string, index, assoc int) (Position, error) {
	if !utf8.ValidString(root) {
		return Position{}, ErrUTF8
	}
	p := Position{Root: &root, Assoc: assoc}
	return p, d.anchor(&p, d.store.findRoot(root), index)
}

// PositionIn is PositionAt for the nested type that the unit nested holds. Errors: ErrPlace
// if it holds none; ErrRange.
func (d *Doc) PositionIn(nested ID, index, assoc int) (Position, error) {
	t := d.store.findType(nested)
	if t == 0 {
		return Position{}, ErrPlace
	}
	p := Position{Type: &nested, Assoc: assoc}
	return p, d.anchor(&p, t, index)
}

// anchor sets p.Item to the unit that a position at index of list t belongs to. It leaves
// p.Item nil at the ends of the list.
func (d *Doc) anchor(p *Position, t typeRef, index int) error {
	s := &d.store
	if index < 0 || index > s.lengthOf(t) {
		return ErrRange
	}
	if p.Assoc < 0 {
		if index == 0 {
			return nil
		}
		index--
	}
	at, n, err := d.locate(t, index)
	for err == nil && at.right != 0 && !s.visible(at.right) {
		s.advance(&at)
	}
	if at.right != 0 {
		it := &s.items[at.right]
		p.Item = &ID{s.id(it).Client, uint64(it.clock) + uint64(n)}
	}
	return err
}

// findItem returns the struct that holds a unit, 0 if the unit is not known.
func (s *store) findItem(id ID) ref {
	c, ok := s.findClient(id.Client)
	if !ok || id.Clock >= uint64(s.clients[c].state) {
		return 0
	}
	return s.itemAt(c, uint32(id.Clock))
}

// findType returns the type that a unit holds, 0 if it holds none.
func (s *store) findType(id ID) typeRef {
	r := s.findItem(id)
	if r == 0 || s.items[r].kind() != kindType {
		return 0
	}
	return typeRef(s.items[r].data)
}

// startPlace returns index 0 of the list of t.
func (s *store) startPlace(t typeRef) Place {
	if owner := s.types[t].owner; owner != 0 {
		id := s.id(&s.items[owner])
		return Place{Type: &id}
	}
	return Place{Root: s.names.list[s.types[t].name]}
}
