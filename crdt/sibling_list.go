package crdt

import (
	"cmp"
	"slices"
)

// sibling is an entry of a sibling index.
type sibling struct {
	id      uint64 // of the client
	unitRef        // the item's first unit
}

// siblingList is siblings in ascending order of ids. It is divided into chunks of less than
// maxChunk, so that an insert moves few entries.
type siblingList struct {
	chunks [][]sibling  // only the first one may be empty
	spare  *[][]sibling // chunks for reuse
}

func (l *siblingList) init(spare *[][]sibling) {
	l.spare = spare
	l.chunks = [][]sibling{l.newChunk()}
}

// newChunk returns an empty chunk.
func (l *siblingList) newChunk() []sibling {
	if n := len(*l.spare); n > 0 {
		c := (*l.spare)[n-1]
		*l.spare = (*l.spare)[:n-1]
		return c[:0]
	}
	return make([]sibling, 0, maxChunk)
}

// search returns the position of the first sibling with this id or a higher one. It may be
// the end of a chunk that is not the last.
func (l *siblingList) search(id uint64) logPos {
	k, _ := slices.BinarySearchFunc(l.chunks, id, func(c []sibling, id uint64) int {
		if len(c) == 0 {
			return 1
		}
		return cmp.Compare(c[0].id, id)
	})
	if k > 0 { // it may stand in the chunk before
		k--
	}
	i, _ := slices.BinarySearchFunc(l.chunks[k], id, func(a sibling, id uint64) int { return cmp.Compare(a.id, id) })
	return logPos{int32(k), int32(i)}
}

// at returns the sibling at p or, at the end of a chunk, the one that follows. ok is false
// at the end of the list.
func (l *siblingList) at(p logPos) (_ sibling, ok bool) {
	if c := l.chunks[p.k]; int(p.i) < len(c) {
		return c[p.i], true
	}
	if int(p.k)+1 < len(l.chunks) {
		return l.chunks[p.k+1][0], true
	}
	return sibling{}, false
}

// last returns the sibling with the highest id. ok is false if the list is empty.
func (l *siblingList) last() (_ sibling, ok bool) {
	c := l.chunks[len(l.chunks)-1]
	if len(c) == 0 {
		return sibling{}, false
	}
	return c[len(c)-1], true
}

// append adds a sibling with the highest id.
func (l *siblingList) append(a sibling) {
	k := len(l.chunks) - 1
	l.insert(logPos{int32(k), int32(len(l.chunks[k]))}, a)
}

// insert adds a sibling in front of p.
func (l *siblingList) insert(p logPos, a sibling) {
	c := slices.Insert(l.chunks[p.k], int(p.i), a)
	l.chunks[p.k] = c
	if len(c) == maxChunk {
		l.chunks[p.k] = c[:maxChunk/2]
		l.chunks = slices.Insert(l.chunks, int(p.k)+1, append(l.newChunk(), c[maxChunk/2:]...))
	}
}
