package crdt

import (
	"cmp"
	"slices"
)

// sibling is an entry of an index of siblings.
type sibling struct {
	id uint64 // of the client
	unitRef
}

// siblingList is siblings in ascending order of ids, in chunks, so that one more moves
// few.
type siblingList struct {
	chunks [][]sibling // none is empty, but the first may be
	spare  *[][]sibling
}

func (l *siblingList) init(s *store) {
	l.spare = &s.siblingSpare
	l.chunks = [][]sibling{l.chunk()}
}

// chunk is an empty chunk, used before if there is one.
func (l *siblingList) chunk() []sibling {
	if n := len(*l.spare); n > 0 {
		c := (*l.spare)[n-1]
		*l.spare = (*l.spare)[:n-1]
		return c[:0]
	}
	return make([]sibling, 0, maxChunk)
}

// search is the spot of the first one with this id or a higher one; perhaps the end of a
// chunk that is not the last.
func (l *siblingList) search(id uint64) logPos {
	k, _ := slices.BinarySearchFunc(l.chunks, id, func(c []sibling, id uint64) int {
		if len(c) == 0 {
			return 1
		}
		return cmp.Compare(c[0].id, id)
	})
	if k > 0 { // it may stand in the chunk in front
		k--
	}
	i, _ := slices.BinarySearchFunc(l.chunks[k], id, func(a sibling, id uint64) int { return cmp.Compare(a.id, id) })
	return logPos{int32(k), int32(i)}
}

// itemAt is the one at p or, at the end of a chunk, the one that follows; not ok if there is
// none.
func (l *siblingList) at(p logPos) (_ sibling, ok bool) {
	if c := l.chunks[p.k]; int(p.i) < len(c) {
		return c[p.i], true
	}
	if int(p.k)+1 < len(l.chunks) {
		return l.chunks[p.k+1][0], true
	}
	return sibling{}, false
}

// last is the one with the highest id; not ok if there is none.
func (l *siblingList) last() (_ sibling, ok bool) {
	c := l.chunks[len(l.chunks)-1]
	if len(c) == 0 {
		return sibling{}, false
	}
	return c[len(c)-1], true
}

// appendItem adds one with the highest id.
func (l *siblingList) append(a sibling) {
	k := len(l.chunks) - 1
	l.insert(logPos{int32(k), int32(len(l.chunks[k]))}, a)
}

// insert puts one in front of p.
func (l *siblingList) insert(p logPos, a sibling) {
	c := slices.Insert(l.chunks[p.k], int(p.i), a)
	l.chunks[p.k] = c
	if len(c) == maxChunk {
		l.chunks[p.k] = c[:maxChunk/2]
		l.chunks = slices.Insert(l.chunks, int(p.k)+1, append(l.chunk(), c[maxChunk/2:]...))
	}
}
