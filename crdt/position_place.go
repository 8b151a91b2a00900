package crdt

import "unicode/utf8"

// Place is where a [Position] stands at the moment.
type Place struct {
	Root  string // name of the root, if Type is nil
	Type  *ID    // the nested type, by the unit that holds it
	Index int    // in visible units of the list: UTF-16 units of text, embeds, elements
}

// ResolvePosition tells where p stands now. A unit that was deleted stands for the
// place where it was; one whose list was deleted stands at index 0 of it, as long as
// that is kept. Index is never beyond the list's length. Not ok: the unit is not known
// yet, or was dropped with the list around it, or is the value of a map's key, or
// p.Type is no type.
//
// The answers are those of Yjs (createAbsolutePositionFromRelativePosition) for
// everybody but who undid a deletion: only that browser knows what came back. Values
// of keys, which no editor points at, Yjs puts at 0 or 1 of a list they are not in.
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

// PositionAt is the position before the index-th visible unit of a root's list, 0 ≤
// index ≤ length. With assoc ≥ 0 it sticks to the unit behind it: what is inserted
// there goes in front. With assoc < 0 it sticks to the unit before it. Where there is
// no such unit it sticks to the end or the start. An index within a surrogate pair is
// allowed, as nothing is cut. Errors: ErrRange, ErrUTF8.
//
// The bytes are those of Yjs (createRelativePositionFromTypeIndex).
func (d *Doc) PositionAt(root string, index, assoc int) (Position, error) {
	if !utf8.ValidString(root) {
		return Position{}, ErrUTF8
	}
	p := Position{Root: &root, Assoc: assoc}
	return p, d.anchor(&p, d.store.findRoot(root), index)
}

// PositionIn is PositionAt for the nested type that the given unit holds. If there is
// none: ErrPlace.
func (d *Doc) PositionIn(nested ID, index, assoc int) (Position, error) {
	t := d.store.findType(nested)
	if t == 0 {
		return Position{}, ErrPlace
	}
	p := Position{Type: &nested, Assoc: assoc}
	return p, d.anchor(&p, t, index)
}

// stick sets the unit that p, at index of list t, belongs to.
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
	at, n, err := d.find(t, index)
	for err == nil && at.right != 0 && !s.visible(at.right) {
		s.forward(&at)
	}
	if at.right != 0 {
		it := &s.items[at.right]
		p.Item = &ID{s.id(it).Client, uint64(it.clock) + uint64(n)}
	}
	return err
}

// find is the struct that holds a unit, 0 if the unit is not known.
func (s *store) findItem(id ID) ref {
	c, ok := s.findClient(id.Client)
	if !ok || id.Clock >= uint64(s.clients[c].state) {
		return 0
	}
	return s.at(c, uint32(id.Clock))
}

// findType is the type that a unit holds, 0 if it holds none.
func (s *store) findType(id ID) typeRef {
	r := s.findItem(id)
	if r == 0 || s.items[r].kind() != kindType {
		return 0
	}
	return typeRef(s.items[r].data)
}

// startOf is index 0 of a list.
func (s *store) startPlace(t typeRef) Place {
	if owner := s.types[t].owner; owner != 0 {
		id := s.id(&s.items[owner])
		return Place{Type: &id}
	}
	return Place{Root: s.names.list[s.types[t].name]}
}
