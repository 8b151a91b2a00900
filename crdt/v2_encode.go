package crdt

import "weft/crdt/lib0"

// EncodeStateAsUpdateV2 is EncodeStateAsUpdate in update format V2: often half the
// size, and slower. Without pending data the bytes are those of Yjs 13.6.
func (d *Doc) EncodeStateAsUpdateV2(sv StateVector) []byte {
	b, err := ConvertUpdateV1ToV2(d.EncodeStateAsUpdate(sv))
	if err != nil {
		panic("crdt: own state cannot be converted: " + err.Error())
	}
	return b
}

// ConvertUpdateV1ToV2 writes an update (V1) in format V2, struct by struct, clients
// descending. Errors match ErrMalformed. Safe to call concurrently.
func ConvertUpdateV1ToV2(update []byte) ([]byte, error) {
	var u parsed
	if err := u.parse(update); err != nil {
		return nil, err
	}
	var c columns
	c.rest = lib0.AppendUvarint(c.rest, uint64(len(u.sources)))
	var w wire
	for i := range u.sources {
		s := &u.sources[i]
		c.rest = lib0.AppendUvarint(c.rest, uint64(s.now.structs))
		c.client.write(s.client)
		c.rest = lib0.AppendUvarint(c.rest, s.now.clock)
		for {
			size, ok := s.peek(&w)
			if !ok {
				break
			}
			s.advance(w.length, size)
			if err := c.write(&w); err != nil {
				return nil, &MalformedError{"update", len(update), err}
			}
		}
	}
	c.rest = u.deletes.normalise().appendV2(c.rest)
	return c.bytes(), nil
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
}

func (c *columns) bytes() []byte {
	var text []byte
	text = lib0.AppendVarBytes(text, c.text.all)
	text = append(text, c.text.units.flush()...)
	dst := []byte{0} // no features
	for _, column := range [][]byte{
		c.keyClock.flush(), c.client.flush(), c.leftClock.flush(), c.rightClock.flush(),
		c.info.buf, text, c.parentInfo.buf, c.shape.flush(), c.length.flush(),
	} {
		dst = lib0.AppendVarBytes(dst, column)
	}
	return append(dst, c.rest...)
}

func (c *columns) write(w *wire) error {
	c.info.write(w.info)
	switch w.kind {
	case kindGC:
		c.length.write(w.length)
		return nil
	case kindSkip:
		c.rest = lib0.AppendUvarint(c.rest, w.length)
		return nil
	}
	if w.hasOrigin() {
		c.client.write(w.origin.Client)
		c.leftClock.write(w.origin.Clock)
	}
	if w.hasRightOrigin() {
		c.client.write(w.rightOrigin.Client)
		c.rightClock.write(w.rightOrigin.Clock)
	}
	if w.hasParent() {
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
	return c.writeContent(w)
}

func (c *columns) writeContent(w *wire) (err error) {
	r := lib0.NewReader(w.content)
	switch w.kind {
	case kindDeleted:
		c.length.write(w.length)
	case kindJSON:
		c.length.write(w.length)
		for r.Len() > 0 {
			text, err := r.VarText()
			if err != nil {
				return err
			}
			c.text.write(text)
		}
	case kindString:
		c.text.write(w.content)
	case kindEmbed, kindFormat:
		if w.kind == kindFormat {
			key, err := r.VarText()
			if err != nil {
				return err
			}
			c.writeKey(key)
		}
		text, err := r.VarText()
		if err != nil {
			return err
		}
		c.rest, err = appendAnyOfJSON(c.rest, text)
		return err
	case kindType:
		c.shape.write(uint64(w.shape))
		if shapeHasName(w.shape) {
			c.writeKey(w.name)
		}
	case kindAny:
		c.length.write(w.length)
		c.rest = append(c.rest, w.content...)
	case kindBinary:
		c.rest = append(c.rest, w.content...)
	case kindDoc:
		guid, err := r.VarText()
		if err != nil {
			return err
		}
		c.text.write(guid)
		c.rest = append(c.rest, r.Rest()...)
	}
	return nil
}

// writeKey writes a format key or node name. The number would let the reader find one
// it has seen; Yjs always writes a fresh one.
func (c *columns) writeKey(b []byte) {
	c.keyClock.write(c.keys)
	c.keys++
	c.text.write(b)
}

// appendV2 writes a set in normal form as V2 does: each clock as the distance from the
// range before, each length less one.
func (ds deleteSet) appendV2(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(ds.clients()))
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].client == ds[0].client {
			n++
		}
		dst = appendID(dst, ds[0].client, uint64(n))
		at := uint64(0)
		for _, d := range ds[:n] {
			dst = appendID(dst, d.clock-at, d.length-1)
			at = d.end()
		}
		ds = ds[n:]
	}
	return dst
}
