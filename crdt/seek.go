package crdt

import (
	"slices"
	"sort"
)

// gap is a place in a list, between two neighbours.
type gap struct {
	left, right ref // 0 at the ends
	index       int // visible units in front
	marks       marks
}

// forward steps over the item to the right.
func (s *store) forward(p *gap) {
	switch {
	case s.isLiveFormat(p.right):
		key, value := s.formatOf(p.right)
		p.marks = p.marks.afterMark(key, value)
	case s.visible(p.right):
		p.index += s.units(p.right)
	}
	p.left, p.right = p.right, s.next(p.right)
}

// seek finds the place right behind the visible unit in front of index, or, for index
// 0, the front. Where that is within an item, the item is split. Errors: ErrRange,
// ErrHalfPair; then nothing was split.
func (w *writer) seek(index int) (gap, error) {
	p, n, err := w.tx.doc.find(w.t, index)
	if err != nil || n == 0 {
		return p, err
	}
	s := w.s
	if s.splitsPair(p.right, n) {
		return p, ErrHalfPair
	}
	w.behind(&p, n)
	return p, nil
}

// behind moves p into the item to its right, behind its n-th unit, and splits it there.
func (w *writer) behind(p *gap, n int) {
	s := w.s
	w.tx.splitItem(p.right, n)
	p.index += n
	p.left, p.right = p.right, s.next(p.right)
}

// find is seek without splitting: the place is behind the n-th unit of the item to the
// right, n being 0 if it is between two items.
func (d *Doc) find(t typeRef, index int) (p gap, n int, err error) {
	s := &d.store
	if index < 0 || index > s.lengthOf(t) {
		return gap{}, 0, ErrRange
	}
	p.right = s.listOf(t)
	if index == 0 {
		return p, 0, nil
	}
	list := d.cursors.of(t, s.lengthOf(t))
	at := list.nearest(s, t, index, &p)
	for steps := 0; p.index < index; steps++ {
		if p.right == 0 {
			panic("crdt: a list is shorter than it says")
		}
		if s.visible(p.right) {
			if units := s.units(p.right); p.index+units > index {
				return p, index - p.index, nil
			}
			if steps >= spacing && list != nil {
				list.insert(s, at, &p)
				at = min(at+1, len(list.at))
				steps = 0
			}
		}
		s.forward(&p)
	}
	return p, 0, nil
}

// indexOf is how many visible units are in front of an item. It goes back to the nearest
// cursor; if that is far, it leaves some for the next time.
func (d *Doc) indexOf(r ref) int {
	s := &d.store
	t := s.parentOf(r)
	list := d.cursors.find(t)
	index, steps := 0, 0
	for o := r; o != 0; o = s.prev(o) {
		it := &s.items[o]
		if o != r && it.visible() {
			index += int(it.length)
		}
		if list != nil && it.meta&metaCursor != 0 {
			if start, ok := list.startOf(it); ok {
				index += start
				break
			}
			it.meta &^= metaCursor
		}
		steps++
	}
	if steps > worthCursors {
		d.find(t, index) //nolint:errcheck // in range
	}
	return index
}

// cursors are known places in the lists that were edited or read by index last, so that
// finding an index does not begin at the front each time. A walk over many items leaves
// a cursor every spacing items; the next walk begins at the nearest one in front.
// Edits made here move the cursors behind them along. Updates that are applied do not
// say at which index they change things: they make all cursors void.
type cursors struct {
	lists []cursorList // at most maxCursorLists; the one used last is in front
}

const (
	spacing        = 32   // items between two cursors
	maxCursors     = 8192 // of one list
	maxCursorLists = 8
	worthCursors   = 4 * spacing // a list shorter than this has none
)

// cursorList is the cursors of one type, by ascending index. index and at go together:
// the unit at[i] is visible, and index[i] visible units are in front of it. They are
// apart since an edit changes the index of every cursor behind it.
type cursorList struct {
	t     typeRef
	index []uint32
	at    []cursor
	marks []marks // what cursors say of marks: mostly few
}

// cursor names a unit by its ID, not by its item: items are split and merged, units stay.
type cursor struct {
	client clientRef
	clock  uint32
	marks  uint32 // which of cursorList.marks are in force in front of it
}

// of is the cursors of a type; nil for a list that is too short to need them.
func (c *cursors) of(t typeRef, length int) *cursorList {
	if length < worthCursors {
		return nil
	}
	for i := range c.lists {
		if c.lists[i].t == t {
			if i > 0 {
				c.lists[0], c.lists[i] = c.lists[i], c.lists[0]
			}
			return &c.lists[0]
		}
	}
	if len(c.lists) < maxCursorLists {
		c.lists = append(c.lists, cursorList{})
	}
	last := len(c.lists) - 1
	c.lists[0], c.lists[last] = c.lists[last], c.lists[0]
	c.lists[0].t = t
	c.lists[0].cut(0, 0)
	return &c.lists[0]
}

// find is the cursors of t, if there are any.
func (c *cursors) find(t typeRef) *cursorList {
	for i := range c.lists {
		if c.lists[i].t == t && len(c.lists[i].at) > 0 {
			return &c.lists[i]
		}
	}
	return nil
}

// forget makes all cursors void.
func (c *cursors) forget() {
	for i := range c.lists {
		if l := &c.lists[i]; len(l.at) > 0 {
			l.cut(0, len(l.at))
		}
	}
}

// inserted moves the cursors of t along when n visible units were inserted at index.
func (c *cursors) inserted(t typeRef, index, n int) {
	if l := c.find(t); l != nil {
		behind := l.index[l.from(index):]
		for i := range behind {
			behind[i] += uint32(n)
		}
	}
}

// removed moves the cursors of t along when n visible units were deleted from index on.
func (c *cursors) removed(t typeRef, index, n int) {
	if l := c.find(t); l != nil {
		from := l.from(index)
		l.cut(from, l.from(index+n))
		behind := l.index[from:]
		for i := range behind {
			behind[i] -= uint32(n)
		}
	}
}

// reformatted drops the cursors of t from index on, where other marks may be in force.
func (c *cursors) reformatted(t typeRef, index int) {
	if l := c.find(t); l != nil {
		l.cut(l.from(index), len(l.at))
	}
}

// from is the position of the first cursor at index or behind it.
func (l *cursorList) from(index int) int {
	return sort.Search(len(l.index), func(i int) bool { return l.index[i] >= uint32(index) })
}

// cut drops the cursors [from, to).
func (l *cursorList) cut(from, to int) {
	l.index = slices.Delete(l.index, from, to)
	l.at = slices.Delete(l.at, from, to)
	if len(l.at) == 0 {
		l.marks = nil
	}
}

// nearest moves p from the front of list t to the last cursor before index, and tells
// where in the list of cursors the next one would go. A cursor at index itself will not
// do: marks and deleted items may stand between it and the unit in front.
func (l *cursorList) nearest(s *store, t typeRef, index int, p *gap) int {
	if l == nil || len(l.at) == 0 {
		return 0
	}
	n := l.from(index)
	if n == 0 {
		return 0
	}
	c := &l.at[n-1]
	r := s.at(c.client, c.clock)
	if s.parentOf(r) != t || s.keyOf(r) != 0 || !s.visible(r) {
		l.cut(0, len(l.at)) // the type is another one by now
		return 0
	}
	*p = gap{
		left: s.prev(r), right: r, marks: l.marks[c.marks],
		index: int(l.index[n-1] - (c.clock - s.items[r].clock)),
	}
	return n
}

// startOf is the index of an item's first unit, if a cursor stands in the item.
func (l *cursorList) startOf(it *item) (index int, ok bool) {
	if !it.visible() {
		return 0, false
	}
	for i, c := range l.at {
		if c.client == it.client() && it.clock <= c.clock && c.clock < it.end() {
			return int(l.index[i] - (c.clock - it.clock)), true
		}
	}
	return 0, false
}

// insert adds the place p, before a visible item.
func (l *cursorList) insert(s *store, at int, p *gap) {
	if len(l.at) >= maxCursors {
		return
	}
	it := &s.items[p.right]
	c := cursor{client: it.client(), clock: it.clock}
	if at > 0 { // most often the same as before
		c.marks = l.at[at-1].marks
	}
	if int(c.marks) >= len(l.marks) || !slices.Equal(l.marks[c.marks], p.marks) {
		if len(l.marks) >= maxCursors {
			l.cut(0, len(l.at)) // those of cursors that are gone pile up
			return
		}
		c.marks = uint32(len(l.marks))
		l.marks = append(l.marks, p.marks)
	}
	it.meta |= metaCursor
	l.index = slices.Insert(l.index, at, uint32(p.index))
	l.at = slices.Insert(l.at, at, c)
}
