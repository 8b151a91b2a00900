package crdt

import (
	"unicode/utf8"

	"weft/crdt/lib0"
)

// Local edits of root types. Each is one transaction, signed with Options.ClientID,
// and returns the update to send to the others. The document is untouched on error.

// nothing is the update that changes nothing: no sections, no deletes.
func nothing() []byte { return []byte{0, 0} }

// InsertText inserts s into the root's list before the index-th visible UTF-16 unit,
// 0 ≤ index ≤ length. Formatting to the left of the place applies to it. Errors:
// ErrRange, ErrHalfPair, ErrUTF8, ErrTooLarge.
func (d *Doc) InsertText(root string, index int, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, ErrUTF8
	}
	return d.insert(root, index, kindString, []byte(s), uint64(utf16Len([]byte(s))))
}

// InsertArray inserts values into the root's list before its index-th visible
// element. Values are what [lib0.AppendAny] takes. Errors: ErrRange, ErrTooLarge, and
// those of AppendAny.
func (d *Doc) InsertArray(root string, index int, values ...any) ([]byte, error) {
	var b []byte
	for _, v := range values {
		var err error
		if b, err = lib0.AppendAny(b, v); err != nil {
			return nil, err
		}
	}
	return d.insert(root, index, kindAny, b, uint64(len(values)))
}

func (d *Doc) insert(root string, index int, k kind, content []byte, length uint64) ([]byte, error) {
	if !utf8.ValidString(root) {
		return nil, ErrUTF8
	}
	t := d.store.findRoot(root)
	left, n, err := d.store.seek(t, index)
	if err != nil {
		return nil, err
	}
	if length == 0 {
		return nothing(), nil
	}
	if err := d.mayWrite(len(content), length); err != nil {
		return nil, err
	}
	s, tx := &d.store, &d.tx
	tx.begin()
	w := wire{kind: k, client: d.client, clock: s.state(d.client), length: length, content: content}
	right := ref(0)
	if left != 0 {
		it := &s.items[left]
		w.info |= infoOrigin
		w.origin = ID{s.id(it).Client, uint64(it.clock + n - 1)}
		if n < it.length {
			w.info |= infoRightOrigin
			w.rightOrigin = ID{s.id(it).Client, uint64(it.clock + n)}
		} else {
			right = it.right
		}
	} else if t != 0 {
		right = s.types[t].start
	}
	if right != 0 {
		w.info |= infoRightOrigin
		w.rightOrigin = s.id(&s.items[right])
	}
	w.rooted, w.root = true, []byte(root)
	tx.integrate(&w, 0)
	tx.commit()
	return tx.encodeChange(), nil
}

// DeleteText deletes length visible UTF-16 units of the root's list from index on;
// embeds count as one. Errors: ErrRange, ErrHalfPair.
func (d *Doc) DeleteText(root string, index, length int) ([]byte, error) {
	s, tx := &d.store, &d.tx
	t := s.findRoot(root)
	if length < 0 {
		return nil, ErrRange
	}
	if length == 0 {
		return nothing(), nil
	}
	left, n, err := s.seek(t, index)
	if err != nil {
		return nil, err
	}
	if index > maxIndex-length {
		return nil, ErrRange
	}
	if _, _, err = s.seek(t, index+length); err != nil {
		return nil, err
	}
	tx.begin()
	at := ref(0)
	switch {
	case left == 0:
		at = s.types[t].start
	case n == s.items[left].length:
		at = s.items[left].right
	default:
		c := s.items[left].client()
		at = tx.startingAt(c, s.items[left].clock+n)
	}
	for rest := uint64(length); rest > 0; {
		it := &s.items[at]
		if !it.visible() {
			at = it.right
			continue
		}
		if uint64(it.length) > rest {
			tx.startingAt(it.client(), it.clock+uint32(rest))
			it = &s.items[at]
		}
		rest -= uint64(it.length)
		tx.delete(at)
		at = s.items[at].right
	}
	tx.commit()
	return tx.encodeChange(), nil
}

// DeleteArray deletes length visible elements of the root's list from index on.
// Errors: ErrRange.
func (d *Doc) DeleteArray(root string, index, length int) ([]byte, error) {
	return d.DeleteText(root, index, length)
}

// SetMap sets key in the root's map. value is what [lib0.AppendAny] takes. Errors:
// ErrUTF8, ErrTooLarge, and those of AppendAny.
func (d *Doc) SetMap(root, key string, value any) ([]byte, error) {
	if !utf8.ValidString(root) || !utf8.ValidString(key) {
		return nil, ErrUTF8
	}
	content, err := lib0.AppendAny(nil, value)
	if err != nil {
		return nil, err
	}
	if err := d.mayWrite(len(content), 1); err != nil {
		return nil, err
	}
	s, tx := &d.store, &d.tx
	tx.begin()
	w := wire{
		kind: kindAny, info: infoKey, client: d.client, clock: s.state(d.client), length: 1,
		rooted: true, root: []byte(root), key: []byte(key), content: content,
	}
	if last := d.lastOf(root, key); last != 0 {
		it := &s.items[last]
		w.info |= infoOrigin
		w.origin = ID{s.id(it).Client, uint64(it.end() - 1)}
	}
	tx.integrate(&w, 0)
	tx.commit()
	return tx.encodeChange(), nil
}

// DeleteMap deletes key from the root's map, if it is there.
func (d *Doc) DeleteMap(root, key string) ([]byte, error) {
	last := d.lastOf(root, key)
	if last == 0 || d.store.items[last].deleted() {
		return nothing(), nil
	}
	d.tx.begin()
	d.tx.delete(last)
	d.tx.commit()
	return d.tx.encodeChange(), nil
}

// lastOf is the rightmost item of a key of a root, 0 if it was never set.
func (d *Doc) lastOf(root, key string) ref {
	t, k := d.store.findRoot(root), d.store.names.lookup(key)
	if t == 0 || k == 0 {
		return 0
	}
	return d.store.last(t, k)
}

func (d *Doc) mayWrite(size int, length uint64) error {
	if len(d.store.bytes)+size > maxBytes {
		return ErrTooLarge
	}
	if length > maxUnits || d.store.state(d.client) > maxUnits-length {
		return ErrClock
	}
	return nil
}

// maxIndex keeps index arithmetic from running over.
const maxIndex = 1 << 40

// seek finds the place before the index-th visible unit of a list: behind the n-th
// unit of item left, or, with left 0, at the front.
func (s *store) seek(t typeRef, index int) (left ref, n uint32, err error) {
	if index < 0 || uint64(index) > s.types[t].length {
		return 0, 0, ErrRange
	}
	rest := uint64(index)
	for r := s.types[t].start; rest > 0; r = s.items[r].right {
		it := &s.items[r]
		left, n = r, it.length
		if !it.visible() {
			continue
		}
		if rest < uint64(it.length) {
			if it.kind() == kindString {
				if _, halved := utf16Cut(s.content(it), int(it.length), int(rest)); halved {
					return 0, 0, ErrHalfPair
				}
			}
			return r, uint32(rest), nil
		}
		rest -= uint64(it.length)
	}
	return left, n, nil
}
