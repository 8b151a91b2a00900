package crdt

import "weft/crdt/lib0"

// EncodeStateAsUpdateV2 is EncodeStateAsUpdate in update format V2, which is often half
// the size. Without pending data the bytes are those of Yjs 13.6, unless there are so few
// of them for so much that a reader could not tell them from an attack (v2_survey.go
// counts: 10,000 structs in 100 bytes). Then one column ends in bytes that say nothing.
func (d *Doc) EncodeStateAsUpdateV2(sv StateVector) []byte {
	if len(d.pending.clients) > 0 {
		b, err := ConvertUpdateV1ToV2(d.EncodeStateAsUpdate(sv))
		if err != nil {
			panic("crdt: own state cannot be converted: " + err.Error())
		}
		return b
	}
	s := &d.store
	sections := 0
	for _, c := range s.byID() {
		if log := &s.clients[c]; sv[log.id] < uint64(log.state) {
			sections++
		}
	}
	var c columns
	if len(sv) == 0 {
		c.makeRoom(len(s.items), len(s.bytes)-s.dead)
	}
	c.rest = lib0.AppendUvarint(c.rest, uint64(sections))
	for _, r := range s.byID() {
		if log := &s.clients[r]; sv[log.id] < uint64(log.state) {
			c.section(s, log, sv[log.id])
		}
	}
	ds := s.appendStoredDeletes(d.deletes[:0])
	if len(d.pending.deletes) > 0 {
		ds = append(ds, d.pending.deletes...).normalise()
	}
	d.deletes = ds
	c.deletes(ds)
	return c.bytes()
}

// ConvertUpdateV1ToV2 writes an update (V1) in format V2, struct by struct, clients
// descending; padded as by EncodeStateAsUpdateV2. Errors match ErrMalformed.
// Safe to call concurrently.
func ConvertUpdateV1ToV2(update []byte) ([]byte, error) {
	var u parsed
	if err := u.parse(update); err != nil {
		return nil, err
	}
	var c columns
	if err := c.convert(&u); err != nil {
		return nil, &MalformedError{"update", len(update), err}
	}
	return c.bytes(), nil
}

func (c *columns) convert(u *parsed) error {
	c.rest = lib0.AppendUvarint(c.rest, uint64(len(u.sources)))
	var w wire
	for i := range u.sources {
		s := &u.sources[i]
		c.begin(s.client, s.now.clock, s.now.structs)
		for {
			size, ok := s.peek(&w)
			if !ok {
				break
			}
			s.advance(w.length, size)
			if err := c.write(&w, 0); err != nil {
				return err
			}
		}
	}
	c.deletes(u.deletes.normalise())
	return nil
}

// columns is an update V2 being written. FORMAT.md says what goes where.
type columns struct {
	keyClock              stepRuns
	client                numberRuns
	leftClock, rightClock stepRuns
	info                  byteRuns
	text                  texts
	parentInfo            byteRuns
	shape, length         numberRuns
	rest                  []byte
	keys                  uint64 // written so far
	cost                  meter  // of reading it
	values                jsonToAny
}

// makeRoom allocates at once what so many structs with so many bytes are likely to take.
func (c *columns) makeRoom(structs, content int) {
	all := make([]byte, 0, 7*structs+content)
	take := func(n int) []byte {
		at := len(all)
		all = all[:at+n]
		return all[at:at:len(all)]
	}
	c.info.buf, c.client.buf, c.text.units.buf = take(structs), take(structs), take(structs)
	c.leftClock.buf, c.rightClock.buf, c.text.all = take(2*structs), take(2*structs), take(content)
}

// bytes is the update, padded if it stands for more than it may.
func (c *columns) bytes() []byte {
	dst := c.join()
	if more := c.cost.total() - allowance(len(dst)); more > 0 {
		c.length.buf = append(c.length.flush(), make([]byte, more/allowPerByte+1)...)
		dst = c.join()
	}
	return dst
}

// join puts the columns behind one another.
func (c *columns) join() []byte {
	units, total := c.text.units.flush(), 64
	var text [10]byte
	head := lib0.AppendUvarint(text[:0], uint64(len(c.text.all)))
	all := [...][]byte{
		c.keyClock.flush(), c.client.flush(), c.leftClock.flush(), c.rightClock.flush(),
		c.info.buf, nil, c.parentInfo.buf, c.shape.flush(), c.length.flush(),
	}
	const texts = 5
	for _, column := range all {
		total += len(column)
	}
	total += len(head) + len(c.text.all) + len(units) + len(c.rest)
	dst := append(make([]byte, 0, total), 0) // no features
	for i, column := range all {
		if i == texts {
			dst = lib0.AppendUvarint(dst, uint64(len(head)+len(c.text.all)+len(units)))
			dst = append(append(append(dst, head...), c.text.all...), units...)
			continue
		}
		dst = lib0.AppendVarBytes(dst, column)
	}
	return append(dst, c.rest...)
}

// deletes ends the update with a delete set in normal form.
func (c *columns) deletes(ds deleteSet) {
	c.rest = ds.appendSteps(c.rest)
	c.cost.delete(len(ds))
}

// begin begins the section of a client, which has so many structs from clock on.
func (c *columns) begin(client, clock uint64, structs int) {
	c.rest = lib0.AppendUvarint(c.rest, uint64(structs))
	c.client.write(client)
	c.rest = lib0.AppendUvarint(c.rest, clock)
	c.cost.begin(clock, structs)
}

// section writes what log holds from clock on.
func (c *columns) section(s *store, log *clientLog, clock uint64) {
	p := s.search(log, uint32(clock))
	n := len(log.tail)
	for _, chunk := range log.full[p.k:] {
		n += len(chunk)
	}
	c.begin(log.id, clock, n-int(p.i))
	var v view
	skip, i := clock-uint64(s.items[log.at(p)].clock), p.i
	for k := p.k; int(k) <= len(log.full); k++ {
		for _, r := range log.chunk(k)[i:] {
			v.of(s, &s.items[r])
			if err := c.write(&v.w, skip); err != nil {
				panic("crdt: own content cannot be read: " + err.Error())
			}
			skip = 0
		}
		i = 0
	}
}

// view is an item as an update would hold it.
type view struct {
	w         wire
	root, key []byte // where the names of w lie
	name      []byte
}

// of describes an item. Fields that its info and kind give no meaning stay as they were.
func (v *view) of(s *store, it *item) {
	w := &v.w
	w.kind = it.kind()
	w.info = byte(w.kind)
	w.client, w.clock, w.length = s.clients[it.client()].id, uint64(it.clock), uint64(it.length)
	if w.kind == kindGC {
		return
	}
	if it.hasOrigin() {
		w.info |= infoOrigin
		w.origin = ID{s.clients[it.originClient].id, uint64(it.originClock)}
	}
	if it.hasRight() {
		w.info |= infoRightOrigin
		w.rightOrigin = ID{s.clients[it.rightClient].id, uint64(it.rightClock)}
	}
	if it.keyed() {
		w.info |= infoKey
	}
	if w.hasParent() {
		t := &s.types[s.parent(it.place)]
		if w.rooted = t.owner == 0; w.rooted {
			v.root = append(v.root[:0], s.names.list[t.name]...)
			w.root = v.root
		} else {
			w.parent = s.id(&s.items[t.owner])
		}
		if key := s.key(it.place); key != 0 {
			v.key = append(v.key[:0], s.names.list[key]...)
			w.key = v.key
		}
	}
	if w.kind == kindType {
		t := &s.types[it.data]
		w.shape = t.shape
		if shapeHasName(t.shape) {
			v.name = append(v.name[:0], s.names.list[t.name]...)
			w.name = v.name
		}
		return
	}
	w.content = s.content(it)
}

// write writes a struct from its unit skip on: its origin is then the unit before.
func (c *columns) write(w *wire, skip uint64) error {
	info := w.info
	c.cost.add(w)
	if skip > 0 && w.kind.isItem() {
		info |= infoOrigin
	}
	c.info.write(info)
	switch w.kind {
	case kindGC:
		c.length.write(w.length - skip)
		return nil
	case kindSkip:
		c.rest = lib0.AppendUvarint(c.rest, w.length-skip)
		return nil
	}
	switch {
	case skip > 0:
		c.client.write(w.client)
		c.leftClock.write(w.clock + skip - 1)
	case w.hasOrigin():
		c.client.write(w.origin.Client)
		c.leftClock.write(w.origin.Clock)
	}
	if w.hasRightOrigin() {
		c.client.write(w.rightOrigin.Client)
		c.rightClock.write(w.rightOrigin.Clock)
	}
	if w.hasParent() && skip == 0 {
		if w.rooted {
			c.parentInfo.write(1)
			c.text.write(w.root)
		} else {
			c.parentInfo.write(0)
			c.client.write(w.parent.Client)
			c.leftClock.write(w.parent.Clock)
		}
		if w.hasKey() {
			c.text.write(w.key)
		}
	}
	return c.writeContent(w, skip)
}

func (c *columns) writeContent(w *wire, skip uint64) (err error) {
	content := w.content
	switch w.kind {
	case kindDeleted:
		c.length.write(w.length - skip)
		return nil
	case kindString:
		c.text.writeFrom(content, w.length, skip)
		return nil
	case kindType:
		c.shape.write(uint64(w.shape))
		if shapeHasName(w.shape) {
			c.writeKey(w.name)
		}
		return nil
	case kindJSON, kindAny:
		c.length.write(w.length - skip)
		content = content[elementOffset(w.kind, content, skip):]
	}
	if w.kind == kindAny || w.kind == kindBinary {
		c.rest = append(c.rest, content...)
		return nil
	}
	r := lib0.NewReader(content)
	if w.kind == kindJSON {
		for r.Len() > 0 {
			text, err := r.VarBytes()
			if err != nil {
				return err
			}
			c.text.write(text)
		}
		return nil
	}
	text, err := r.VarBytes()
	if err != nil {
		return err
	}
	switch w.kind {
	case kindDoc:
		c.text.write(text)
		c.rest = append(c.rest, r.Rest()...)
		return nil
	case kindFormat:
		c.writeKey(text)
		if text, err = r.VarBytes(); err != nil {
			return err
		}
	}
	c.rest, err = c.values.append(c.rest, text) // of Format and Embed
	return err
}

// writeKey writes a format key or node name. The number would let the reader find one
// it has seen; Yjs always writes a fresh one.
func (c *columns) writeKey(b []byte) {
	c.keyClock.write(c.keys)
	c.keys++
	c.text.write(b)
}
