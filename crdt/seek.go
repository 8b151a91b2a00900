package crdt

import (
	"slices"
	"sort"
)

// listPosition is a place in a list, between two neighbours.
type listPosition struct {
	left, right ref // 0 at the ends
	index       int // visible units in front
	marks       marks
}

// advance steps over the item to the right.
func (s *store) advance(p *listPosition) {
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
func (w *writer) seek(index int) (listPosition, error) {
	p, n, err := w.tx.doc.locate(w.t, index)
	if err != nil || n == 0 {
		return p, err
	}
	s := w.s
	if s.splitsPair(p.right, n) {
		return p, ErrHalfPair
	}
	w.splitAfter(&p, n)
	return p, nil
}

// splitAfter moves p into the item to its right, behind its n-th unit, and splits it there.
func (w *writer) splitAfter(p *listPosition, n int) {
	s := w.s
	w.tx.splitItem(p.right, n)
	p.index += n
	p.left, p.right = p.right, s.next(p.right)
}

// locate is seek without splitting: the place is behind the n-th unit of the item to the
// right, n being 0 if it is between two items.
func (d *Doc) locate(t typeRef, index int) (p listPosition, n int, err error) {
	s := &d.store
	if index < 0 || index > s.lengthOf(t) {
		return listPosition{}, 0, ErrRange
	}
	p.right = s.listOf(t)
	if index == 0 {
		return p, 0, nil
	}
	list := d.markers.listFor(t, s.lengthOf(t))
	at := list.nearest(s, t, index, &p)
	for steps := 0; p.index < index; steps++ {
		if p.right == 0 {
			panic("crdt: a list is shorter than it says")
		}
		if s.visible(p.right) {
			if units := s.units(p.right); p.index+units > index {
				return p, index - p.index, nil
			}
			if steps >= markerSpacing && list != nil {
				list.insert(s, at, &p)
				at = min(at+1, len(list.at))
				steps = 0
			}
		}
		s.advance(&p)
	}
	return p, 0, nil
}

// indexOf is how many visible units are in front of an item. It goes back to the nearest
// cursor; if that is far, it leaves some for the next time.
func (d *Doc) indexOf(r ref) int {
	s := &d.store
	t := s.parentOf(r)
	list := d.markers.find(t)
	index, steps := 0, 0
	for o := r; o != 0; o = s.prev(o) {
		it := &s.items[o]
		if o != r && it.visible() {
			index += int(it.length)
		}
		if list != nil && it.meta&metaMarker != 0 {
			if start, ok := list.startOf(it); ok {
				index += start
				break
			}
			it.meta &^= metaMarker
		}
		steps++
	}
	if steps > minMarkedItems {
		d.locate(t, index) //nolint:errcheck // in range
	}
	return index
}

// searchMarkers are known places in the lists that were edited or read by index last, so that
// finding an index does not begin at the front each time. A walk over many items leaves
// a cursor every spacing items; the next walk begins at the nearest one in front.
// Edits made here move the cursors behind them along. Updates that are applied do not
// say at which index they change things: they make all cursors void.
type searchMarkers struct {
	lists []markerList // at most maxCursorLists; the one used last is in front
}

const (
	markerSpacing  = 32   // items between two cursors
	maxMarkers     = 8192 // of one list
	maxMarkerLists = 8
	minMarkedItems = 4 * markerSpacing // a list shorter than this has none
)

// markerList is the cursors of one type, by ascending index. index and at go together:
// the unit at[i] is visible, and index[i] visible units are in front of it. They are
// apart since an edit changes the index of every cursor behind it.
type markerList struct {
	t       typeRef
	index   []uint32
	at      []searchMarker
	formats []marks // what cursors say of marks: mostly few
}

// searchMarker names a unit by its ID, not by its item: items are split and merged, units stay.
type searchMarker struct {
	client clientRef
	clock  uint32
	format uint32 // which of cursorList.marks are in force in front of it
}

// listFor is the cursors of a type; nil for a list that is too short to need them.
func (c *searchMarkers) listFor(t typeRef, length int) *markerList {
	if length < minMarkedItems {
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
	if len(c.lists) < maxMarkerLists {
		c.lists = append(c.lists, markerList{})
	}
	last := len(c.lists) - 1
	c.lists[0], c.lists[last] = c.lists[last], c.lists[0]
	c.lists[0].t = t
	c.lists[0].drop(0, 0)
	return &c.lists[0]
}

// locate is the cursors of t, if there are any.
func (c *searchMarkers) find(t typeRef) *markerList {
	for i := range c.lists {
		if c.lists[i].t == t && len(c.lists[i].at) > 0 {
			return &c.lists[i]
		}
	}
	return nil
}

// clear makes all cursors void.
func (c *searchMarkers) clear() {
	for i := range c.lists {
		if l := &c.lists[i]; len(l.at) > 0 {
			l.drop(0, len(l.at))
		}
	}
}

// afterInsert moves the cursors of t along when n visible units were inserted at index.
func (c *searchMarkers) afterInsert(t typeRef, index, n int) {
	if l := c.find(t); l != nil {
		behind := l.index[l.firstFrom(index):]
		for i := range behind {
			behind[i] += uint32(n)
		}
	}
}

// afterDelete moves the cursors of t along when n visible units were deleted from index on.
func (c *searchMarkers) afterDelete(t typeRef, index, n int) {
	if l := c.find(t); l != nil {
		from := l.firstFrom(index)
		l.drop(from, l.firstFrom(index+n))
		behind := l.index[from:]
		for i := range behind {
			behind[i] -= uint32(n)
		}
	}
}

// afterFormat drops the cursors of t from index on, where other marks may be in force.
func (c *searchMarkers) afterFormat(t typeRef, index int) {
	if l := c.find(t); l != nil {
		l.drop(l.firstFrom(index), len(l.at))
	}
}

// firstFrom is the position of the first cursor at index or behind it.
func (l *markerList) firstFrom(index int) int {
	return sort.Search(len(l.index), func(i int) bool { return l.index[i] >= uint32(index) })
}

// collectItem drops the cursors [from, to).
func (l *markerList) drop(from, to int) {
	l.index = slices.Delete(l.index, from, to)
	l.at = slices.Delete(l.at, from, to)
	if len(l.at) == 0 {
		l.formats = nil
	}
}

// nearest moves p from the front of list t to the last cursor before index, and tells
// where in the list of cursors the next one would go. A cursor at index itself will not
// do: marks and deleted items may stand between it and the unit in front.
func (l *markerList) nearest(s *store, t typeRef, index int, p *listPosition) int {
	if l == nil || len(l.at) == 0 {
		return 0
	}
	n := l.firstFrom(index)
	if n == 0 {
		return 0
	}
	c := &l.at[n-1]
	r := s.itemAt(c.client, c.clock)
	if s.parentOf(r) != t || s.keyOf(r) != 0 || !s.visible(r) {
		l.drop(0, len(l.at)) // the type is another one by now
		return 0
	}
	*p = listPosition{
		left: s.prev(r), right: r, marks: l.formats[c.format],
		index: int(l.index[n-1] - (c.clock - s.items[r].clock)),
	}
	return n
}

// startOf is the index of an item's first unit, if a cursor stands in the item.
func (l *markerList) startOf(it *item) (index int, ok bool) {
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
func (l *markerList) insert(s *store, at int, p *listPosition) {
	if len(l.at) >= maxMarkers {
		return
	}
	it := &s.items[p.right]
	c := searchMarker{client: it.client(), clock: it.clock}
	if at > 0 { // most often the same as before
		c.format = l.at[at-1].format
	}
	if int(c.format) >= len(l.formats) || !slices.Equal(l.formats[c.format], p.marks) {
		if len(l.formats) >= maxMarkers {
			l.drop(0, len(l.at)) // those of cursors that are gone pile up
			return
		}
		c.format = uint32(len(l.formats))
		l.formats = append(l.formats, p.marks)
	}
	it.meta |= metaMarker
	l.index = slices.Insert(l.index, at, uint32(p.index))
	l.at = slices.Insert(l.at, at, c)
}
