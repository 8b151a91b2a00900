package crdt

import "slices"

// clientLog is what one client wrote: structs in the order of clocks, contiguous from
// clock 0. Their refs lie in chunks, so that inserting or removing a struct moves at most
// one chunk, however long the log is.
type clientLog struct {
	id    uint64
	full  [][]ref // all chunks but the last; none is empty
	tail  []ref   // the last chunk; empty only if the log is
	state uint32  // end of the last struct: the next clock expected

	// Where the last searches ended: for right origins, and for everything else. They are
	// guesses and may be out of range.
	rightHint, hint logPos

	// Of the running transaction.
	touched bool
	before  uint32 // state when the transaction began, if touched
}

// maxChunk is the largest number of refs in a chunk: 2 KiB, which are moved in some 30 ns.
const maxChunk = 512

// logPos is a position in a log: index i in chunk k; chunk len(full) is the tail.
// Inserting and removing make the positions behind invalid.
type logPos struct{ k, i int32 }

// chunk returns the k-th chunk, nil behind the tail.
func (log *clientLog) chunk(k int32) []ref {
	if int(k) < len(log.full) {
		return log.full[k]
	}
	if int(k) == len(log.full) {
		return log.tail
	}
	return nil
}

// setChunk replaces a chunk. An empty chunk is removed; if it was the tail, the chunk
// before becomes the tail.
func (log *clientLog) setChunk(k int32, refs []ref) {
	n := len(log.full)
	switch {
	case int(k) < n && len(refs) == 0:
		log.full = slices.Delete(log.full, int(k), int(k)+1)
	case int(k) < n:
		log.full[k] = refs
	case len(refs) == 0 && n > 0:
		log.tail, log.full = log.full[n-1], log.full[:n-1]
	default:
		log.tail = refs
	}
}

// countFrom counts the structs from chunk k on.
func (log *clientLog) countFrom(k int32) int {
	n := len(log.tail)
	for _, c := range log.full[k:] {
		n += len(c)
	}
	return n
}

// at returns the struct at p, 0 at the end.
func (log *clientLog) at(p logPos) ref {
	if c := log.chunk(p.k); int(p.i) < len(c) {
		return c[p.i]
	}
	return 0
}

// next returns the position behind p, which may be the end.
func (log *clientLog) next(p logPos) logPos {
	if p.i++; int(p.i) >= len(log.chunk(p.k)) && int(p.k) < len(log.full) {
		return logPos{k: p.k + 1}
	}
	return p
}

// prev returns the position before p; ok is false if p is the first.
func (log *clientLog) prev(p logPos) (logPos, bool) {
	if p.i > 0 {
		return logPos{p.k, p.i - 1}, true
	}
	if p.k == 0 {
		return p, false
	}
	return logPos{p.k - 1, int32(len(log.full[p.k-1]) - 1)}, true
}

// last returns the position of the last struct; there must be one.
func (log *clientLog) last() logPos {
	return logPos{int32(len(log.full)), int32(len(log.tail) - 1)}
}

// push adds a struct to the end. It does not change state.
func (log *clientLog) push(r ref) {
	if len(log.tail) >= maxChunk {
		log.full = append(log.full, log.tail)
		log.tail = make([]ref, 0, maxChunk)
	}
	log.tail = append(log.tail, r)
}

// insert inserts r behind p.
func (log *clientLog) insert(p logPos, r ref) {
	c := log.chunk(p.k)
	if len(c) < maxChunk {
		log.setChunk(p.k, slices.Insert(c, int(p.i)+1, r))
		return
	}
	// One full chunk becomes two, each with room to grow.
	right := append(make([]ref, 0, maxChunk), c[maxChunk/2:]...)
	left := c[:maxChunk/2]
	if n := int(p.i) + 1; n <= maxChunk/2 {
		left = slices.Insert(left, n, r)
	} else {
		right = slices.Insert(right, n-maxChunk/2, r)
	}
	if int(p.k) == len(log.full) {
		log.full, log.tail = append(log.full, left), right
		return
	}
	log.full[p.k] = left
	log.full = slices.Insert(log.full, int(p.k)+1, right)
}

// remove removes the struct at p and returns the position of the one that followed.
func (log *clientLog) remove(p logPos) logPos {
	c := log.chunk(p.k)
	chunks := len(log.full)
	c = slices.Delete(c, int(p.i), int(p.i)+1)
	log.setChunk(p.k, c)
	switch {
	case len(c) > 0 && (int(p.i) < len(c) || int(p.k) == len(log.full)):
		return p
	case len(c) > 0:
		return logPos{k: p.k + 1}
	case int(p.k) < chunks:
		return logPos{k: p.k} // the next chunk moved up
	}
	return logPos{int32(len(log.full)), int32(len(log.tail))}
}

// search returns the position of the struct that holds clock, which must be below
// log.state.
func (s *store) search(log *clientLog, clock uint32) logPos {
	return s.searchFrom(log, clock, &log.hint)
}

// searchFrom is search with a hint, which it updates. Most often the struct is the one
// found last or one of the two behind it.
func (s *store) searchFrom(log *clientLog, clock uint32, hint *logPos) logPos {
	if last := log.last(); s.items[log.tail[last.i]].clock <= clock {
		return last
	}
	if c := log.chunk(hint.k); int(hint.i) < len(c) && s.items[c[hint.i]].clock <= clock {
		for i, r := range c[hint.i:min(int(hint.i)+3, len(c))] {
			if clock < s.items[r].end() {
				hint.i += int32(i)
				return *hint
			}
		}
	}
	k, c := len(log.full), log.tail
	if s.items[c[0]].clock > clock {
		lo := 0 // full[lo] begins at or before clock, full[k] does not
		for k-lo > 1 {
			if mid := int(uint(lo+k) / 2); s.items[log.full[mid][0]].clock <= clock {
				lo = mid
			} else {
				k = mid
			}
		}
		k, c = lo, log.full[lo]
	}
	lo, hi := 0, len(c) // c[lo] begins at or before clock, c[hi] does not
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); s.items[c[mid]].clock <= clock {
			lo = mid
		} else {
			hi = mid
		}
	}
	*hint = logPos{int32(k), int32(lo)}
	return *hint
}

// lowerBound returns the position of the first struct that begins at clock or later, which
// may be the end.
func (s *store) lowerBound(log *clientLog, clock uint32) logPos {
	if clock >= log.state {
		return logPos{int32(len(log.full)), int32(len(log.tail))}
	}
	p := s.search(log, clock)
	if s.items[log.at(p)].clock < clock {
		p = log.next(p)
	}
	return p
}

// itemAt returns the struct that holds the given unit, which must be known.
func (s *store) itemAt(c clientRef, clock uint32) ref {
	log := &s.clients[c]
	return log.at(s.search(log, clock))
}
