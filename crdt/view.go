package crdt

import "weft/crdt/lib0"

// How editing and reading look at items. Whatever an item's fields are, they see it
// through these.

func (s *store) next(r ref) ref { return s.items[r].right }
func (s *store) prev(r ref) ref { return s.items[r].left }

func (s *store) units(r ref) int     { return int(s.items[r].length) }
func (s *store) kindOf(r ref) kind   { return s.items[r].kind() }
func (s *store) deleted(r ref) bool  { return s.items[r].deleted() }
func (s *store) keyOf(r ref) nameRef { return s.key(s.items[r].place) }

// raw is the content of r as content.go lists it; nil for a kindType item.
func (s *store) raw(r ref) []byte {
	if s.kindOf(r) == kindType {
		return nil
	}
	return s.content(&s.items[r])
}

// visible tells whether the units of r count.
func (s *store) visible(r ref) bool {
	it := &s.items[r]
	return !it.deleted() && it.kind().countable()
}

// format tells whether r is a format mark that is in force.
func (s *store) isLiveFormat(r ref) bool {
	it := &s.items[r]
	return it.kind() == kindFormat && !it.deleted()
}

// nested is the type that a kindType item holds.
func (s *store) nested(r ref) typeRef { return typeRef(s.items[r].data) }

// in is the type whose list or map r stands in, 0 for a GC.
func (s *store) parentOf(r ref) typeRef { return s.parent(s.items[r].place) }

func (s *store) firstID(r ref) ID { return s.id(&s.items[r]) }

func (s *store) lastID(r ref) ID {
	it := &s.items[r]
	return ID{s.clients[it.client()].id, uint64(it.end()) - 1}
}

// listOf is the first item of a type's list, lengthOf its visible units.
func (s *store) listOf(t typeRef) ref   { return s.types[t].start }
func (s *store) lengthOf(t typeRef) int { return int(s.types[t].length) }
func (s *store) shapeOf(t typeRef) uint8 {
	return s.types[t].shape
}

// holder is the item that holds a nested type, 0 for a root.
func (s *store) ownerOf(t typeRef) ref { return s.types[t].owner }

// gone tells whether a nested type was deleted.
func (s *store) isInDeletedType(t typeRef) bool {
	owner := s.ownerOf(t)
	return owner != 0 && s.deleted(owner)
}

func (s *store) nameOf(t typeRef) string { return s.names.list[s.types[t].name] }

// halves tells whether the n-th unit of r, 0 < n < units, is the second half of a
// surrogate pair.
func (s *store) splitsPair(r ref, n int) bool {
	if s.kindOf(r) != kindString {
		return false
	}
	_, halved := utf16Cut(s.raw(r), s.units(r), n)
	return halved
}

// formatOf is the key and the value, a JSON text, of a format mark.
func (s *store) formatOf(r ref) (key, value []byte) {
	b := lib0.NewReader(s.raw(r))
	key, _ = b.VarBytes() //nolint:errcheck // validated when it was decoded
	value, _ = b.VarBytes()
	return key, value
}

// cutAt splits r before its n-th unit, 0 < n < units; r is the left part.
func (tx *txn) splitItem(r ref, n int) {
	it := &tx.store().items[r]
	tx.startingAt(it.client(), it.clock+uint32(n))
}
