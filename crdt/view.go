package crdt

import (
	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// This file has the accessors through which editing and reading see items. Only they, not
// their callers, depend on how items lie in memory.

func (s *store) next(r ref) ref { return s.items[r].right }
func (s *store) prev(r ref) ref { return s.items[r].left }

func (s *store) units(r ref) int         { return int(s.items[r].length) }
func (s *store) kindOf(r ref) codec.Kind { return s.items[r].kind() }
func (s *store) deleted(r ref) bool      { return s.items[r].deleted() }
func (s *store) keyOf(r ref) nameRef     { return s.key(s.items[r].place) }

// raw returns the content bytes of r in the form that content.go lists, as a view; nil for
// a kindType item.
func (s *store) raw(r ref) []byte {
	if s.kindOf(r) == kindType {
		return nil
	}
	return s.content(&s.items[r])
}

// visible reports whether the units of r count towards indices and lengths.
func (s *store) visible(r ref) bool {
	it := &s.items[r]
	return !it.deleted() && it.kind().IsCountable()
}

// isLiveFormat reports whether r is a format mark that is not deleted.
func (s *store) isLiveFormat(r ref) bool {
	it := &s.items[r]
	return it.kind() == kindFormat && !it.deleted()
}

// nested returns the type that a kindType item holds.
func (s *store) nested(r ref) typeRef { return typeRef(s.items[r].data) }

// parentOf returns the type that contains r in its list or map, 0 for a GC.
func (s *store) parentOf(r ref) typeRef { return s.parent(s.items[r].place) }

func (s *store) firstID(r ref) ID { return s.id(&s.items[r]) }

func (s *store) lastID(r ref) ID {
	it := &s.items[r]
	return ID{s.clients[it.client()].id, uint64(it.end()) - 1}
}

// listOf returns the first item of a type's list, 0 if it is empty; lengthOf returns the
// number of its visible units.
func (s *store) listOf(t typeRef) ref   { return s.types[t].start }
func (s *store) lengthOf(t typeRef) int { return int(s.types[t].length) }
func (s *store) shapeOf(t typeRef) uint8 {
	return s.types[t].shape
}

// ownerOf returns the item that holds a nested type, 0 for a root.
func (s *store) ownerOf(t typeRef) ref { return s.types[t].owner }

// isInDeletedType reports whether t is a nested type whose item was deleted.
func (s *store) isDeletedType(t typeRef) bool {
	owner := s.ownerOf(t)
	return owner != 0 && s.deleted(owner)
}

func (s *store) nameOf(t typeRef) string { return s.names.list[s.types[t].name] }

// splitsPair reports whether splitting r before its unit n, 0 < n < units, would split a
// surrogate pair.
func (s *store) splitsPair(r ref, n int) bool {
	if s.kindOf(r) != kindString {
		return false
	}
	_, halved := codec.UTF16Offset(s.raw(r), s.units(r), n)
	return halved
}

// formatOf returns the key and the value, a JSON text, of a format mark, as views.
func (s *store) formatOf(r ref) (key, value []byte) {
	b := lib0.NewReader(s.raw(r))
	key, _ = b.VarBytes() //nolint:errcheck // validated when it was decoded
	value, _ = b.VarBytes()
	return key, value
}

// splitItem splits r before its unit n, 0 < n < units. r stays the left part (Yjs:
// splitItem).
func (tx *txn) splitItem(r ref, n int) {
	it := &tx.store().items[r]
	tx.itemStartingAt(it.client(), it.clock+uint32(n))
}
