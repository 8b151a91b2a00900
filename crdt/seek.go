package crdt

import (
	"slices"
	"sort"
)

// listPosition is a position in a list, between two neighbours (ItemTextListPosition in
// Yjs).
type listPosition struct {
	left, right ref   // 0 at the ends
	index       int   // visible units before it
	marks       marks // in force there
}

// advance moves p behind the item to its right.
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

// seek returns the position directly behind the visible unit before index, or, for index
// 0, the front of the list. If that is inside an item, it splits the item. index counts
// visible units; of text these are UTF-16 code units. Errors: ErrRange, ErrHalfPair;
// nothing is split then.
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

// splitAfter moves p into the item to its right, behind its n-th unit, and splits the item
// there.
func (w *writer) splitAfter(p *listPosition, n int) {
	s := w.s
	w.tx.splitItem(p.right, n)
	p.index += n
	p.left, p.right = p.right, s.next(p.right)
}

// locate is seek without splitting: the position is behind the n-th unit of the item to
// the right of p; n is 0 if it is between two items.
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

// indexOf returns the number of visible units before an item. It walks back to the nearest
// search marker. If that is far, it leaves markers for the next time.
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

// searchMarkers are known positions in the lists that were edited or read by index last, so
// that a search does not begin at the front each time (Yjs's searchMarker). A walk over many
// items leaves a marker every markerSpacing items, and the next walk begins at the nearest
// one before its index. Local edits shift the markers behind them. Updates do not say at
// which index they change a list, so applying one clears all markers.
type searchMarkers struct {
	lists []markerList // at most maxMarkerLists; the one used last comes first
}

const (
	markerSpacing  = 32   // items between two markers
	maxMarkers     = 8192 // of one list
	maxMarkerLists = 8
	minMarkedItems = 4 * markerSpacing // a list shorter than this has none
)

// markerList is the search markers of one type, by ascending index. The unit at[i] is
// visible, and index[i] visible units stand before it. The two are separate slices because
// an edit changes the index of every marker behind it.
type markerList struct {
	t       typeRef
	index   []uint32
	at      []searchMarker
	formats []marks // the different marks of the markers: mostly few
}

// searchMarker names a unit by its ID, not by its item, because items are split and merged
// while units stay.
type searchMarker struct {
	client clientRef
	clock  uint32
	format uint32 // the marks in force before it: an index into markerList.formats
}

// listFor returns the markers of a type, nil if its list is too short to need them. If
// there is none, it replaces the markers that were used least recently.
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

// find returns the markers of t, nil if there are none.
func (c *searchMarkers) find(t typeRef) *markerList {
	for i := range c.lists {
		if c.lists[i].t == t && len(c.lists[i].at) > 0 {
			return &c.lists[i]
		}
	}
	return nil
}

// clear removes all markers.
func (c *searchMarkers) clear() {
	for i := range c.lists {
		if l := &c.lists[i]; len(l.at) > 0 {
			l.drop(0, len(l.at))
		}
	}
}

// afterInsert shifts the markers of t when n visible units were inserted at index.
func (c *searchMarkers) afterInsert(t typeRef, index, n int) {
	if l := c.find(t); l != nil {
		behind := l.index[l.firstFrom(index):]
		for i := range behind {
			behind[i] += uint32(n)
		}
	}
}

// afterDelete shifts the markers of t when n visible units were deleted from index on.
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

// afterFormat removes the markers of t from index on, where other marks may be in force
// now.
func (c *searchMarkers) afterFormat(t typeRef, index int) {
	if l := c.find(t); l != nil {
		l.drop(l.firstFrom(index), len(l.at))
	}
}

// firstFrom returns the position in l of the first marker at index or behind it.
func (l *markerList) firstFrom(index int) int {
	return sort.Search(len(l.index), func(i int) bool { return l.index[i] >= uint32(index) })
}

// drop removes the markers [from, to).
func (l *markerList) drop(from, to int) {
	l.index = slices.Delete(l.index, from, to)
	l.at = slices.Delete(l.at, from, to)
	if len(l.at) == 0 {
		l.formats = nil
	}
}

// nearest moves p from the front of the list of t to the last marker before index. It
// returns the position in l where the next marker would be inserted. A marker at index
// itself is not enough: marks and deleted items may stand between its unit and the unit
// before.
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
		l.drop(0, len(l.at)) // the unit belongs to another type now
		return 0
	}
	*p = listPosition{
		left: s.prev(r), right: r, marks: l.formats[c.format],
		index: int(l.index[n-1] - (c.clock - s.items[r].clock)),
	}
	return n
}

// startOf returns the index of an item's first unit, if a marker stands in the item.
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

// insert adds a marker for p, which stands before a visible item.
func (l *markerList) insert(s *store, at int, p *listPosition) {
	if len(l.at) >= maxMarkers {
		return
	}
	it := &s.items[p.right]
	c := searchMarker{client: it.client(), clock: it.clock}
	if at > 0 { // most often the same marks as before
		c.format = l.at[at-1].format
	}
	if int(c.format) >= len(l.formats) || !slices.Equal(l.formats[c.format], p.marks) {
		if len(l.formats) >= maxMarkers {
			l.drop(0, len(l.at)) // formats of removed markers pile up
			return
		}
		c.format = uint32(len(l.formats))
		l.formats = append(l.formats, p.marks)
	}
	it.meta |= metaMarker
	l.index = slices.Insert(l.index, at, uint32(p.index))
	l.at = slices.Insert(l.at, at, c)
}
