package crdt

import (
	"errors"

	"weft/crdt/lib0"
)

// Rules that only an update V2 can break.
var (
	ErrFeature  = errors.New("update V2 with a feature that is not known")
	ErrTooDense = errors.New("update V2 stands for too much")
)

// columnsIn is an update V2 being read, or one after another. Bytes that a column has left at the end are
// ignored, as Yjs does; after the delete set none may follow.
type columnsIn struct {
	keyClock              stepRunsIn
	client                numberRunsIn
	leftClock, rightClock stepRunsIn
	info                  byteRunsIn
	text                  textsIn
	parentInfo            byteRunsIn
	shape, length         numberRunsIn
	rest                  lib0.Reader

	keys     [][]byte // format keys and node names by number, if they are kept
	keyCount uint64   // of those seen
	keepKeys bool

	scratch []byte // content of one struct
	values  anyToJSON
	used    int // of allowFree, by updates read before
}

// open begins to read an update, from its start each time.
func (c *columnsIn) open(update []byte) error {
	*c = columnsIn{
		keepKeys: c.keepKeys, keys: c.keys[:0], scratch: c.scratch, values: c.values, used: c.used,
		rest: lib0.NewReader(update),
	}
	features, err := c.rest.Uvarint()
	if err != nil {
		return err
	}
	if features != 0 {
		return ErrFeature
	}
	var text lib0.Reader
	for _, r := range []*lib0.Reader{
		&c.keyClock.r, &c.client.r, &c.leftClock.r, &c.rightClock.r,
		&c.info.r, &text, &c.parentInfo.r, &c.shape.r, &c.length.r,
	} {
		column, err := c.rest.VarBytes()
		if err != nil {
			return err
		}
		*r = lib0.NewReader(column)
	}
	c.text, err = newTextsIn(text.Rest())
	return err
}

// begin reads the head of a section.
func (c *columnsIn) begin() (structs, client, clock uint64, err error) {
	if structs, err = c.rest.Uvarint(); err != nil {
		return structs, client, clock, err
	}
	if client, err = c.client.read(); err != nil {
		return structs, client, clock, err
	}
	clock, err = c.rest.Uvarint()
	return structs, client, clock, err
}

// read reads the struct that client wrote at clock, and checks what wire.read checks.
// Its slices are good until the next one is read.
func (c *columnsIn) read(w *wire, client, clock uint64) error {
	info, err := c.info.read()
	if err != nil {
		return err
	}
	w.info, w.kind = info, kind(info&infoKind)
	w.client, w.clock, w.content = client, clock, nil
	switch {
	case !w.kind.isItem() && info != byte(w.kind):
		return ErrKind
	case w.kind == kindGC:
		w.length, err = c.length.read()
	case w.kind == kindSkip:
		w.length, err = c.rest.Uvarint()
	default:
		if err = c.readPlace(w); err == nil {
			err = c.readContent(w)
		}
	}
	switch {
	case err != nil:
		return err
	case w.length == 0:
		return ErrZeroLength
	case clock > maxUnits || w.length > maxUnits-clock:
		return ErrClock
	}
	return nil
}

func (c *columnsIn) readPlace(w *wire) (err error) {
	if w.hasOrigin() {
		if w.origin, err = c.readID(w, &c.leftClock); err != nil {
			return err
		}
	}
	if w.hasRightOrigin() {
		if w.rightOrigin, err = c.readID(w, &c.rightClock); err != nil {
			return err
		}
	}
	if !w.hasParent() {
		return nil
	}
	flag, err := c.parentInfo.read()
	if err != nil {
		return err
	}
	if w.rooted = flag == 1; w.rooted {
		w.root, _, err = c.text.read()
	} else {
		w.parent, err = c.readID(w, &c.leftClock)
	}
	if err == nil && w.hasKey() {
		w.key, _, err = c.text.read()
	}
	return err
}

// readID reads the ID of a unit that w builds on.
func (c *columnsIn) readID(w *wire, clock *stepRunsIn) (id ID, err error) {
	if id.Client, err = c.client.read(); err != nil {
		return id, err
	}
	if id.Clock, err = clock.read(); err != nil {
		return id, err
	}
	if id.Client == w.client && id.Clock >= w.clock {
		return id, ErrForwardOrigin
	}
	return id, nil
}

func (c *columnsIn) readContent(w *wire) (err error) {
	w.length = 1
	from := c.rest.Offset()
	switch w.kind {
	case kindDeleted:
		w.length, err = c.length.read()
		return err
	case kindString:
		w.content, w.length, err = c.text.read()
		return err
	case kindType:
		shape, err := c.shape.read()
		if err == nil && shape > maxShape {
			err = ErrKind
		}
		if w.shape = uint8(shape); err == nil && shapeHasName(w.shape) {
			w.name, err = c.readKey()
		}
		return err
	case kindAny:
		if w.length, err = c.length.read(); err != nil {
			return err
		}
		if w.length > uint64(c.rest.Len()) {
			return lib0.ErrShort
		}
		for n := w.length; err == nil && n > 0; n-- {
			err = c.rest.SkipAny()
		}
	case kindBinary:
		_, err = c.rest.VarBytes()
	default:
		c.scratch, err = c.readTexts(c.scratch[:0], w)
		w.content = c.scratch
		return err
	}
	w.content = c.rest.Slice(from, c.rest.Offset())
	return err
}

// readTexts reads content that V1 keeps as texts and V2 divides, and appends it to dst
// as in V1.
func (c *columnsIn) readTexts(dst []byte, w *wire) (_ []byte, err error) {
	switch w.kind {
	case kindJSON:
		if w.length, err = c.length.read(); err != nil {
			return dst, err
		}
		for n := w.length; n > 0; n-- {
			text, _, err := c.text.read()
			if err == nil {
				err = checkJSON(text, true) // an empty one is none: so a huge count of them ends
			}
			if err != nil {
				return dst, err
			}
			dst = lib0.AppendVarBytes(roomFor(dst, len(text)+maxUvarintLen), text)
		}
	case kindEmbed, kindFormat:
		if w.kind == kindFormat {
			key, err := c.readKey()
			if err != nil {
				return dst, err
			}
			dst = lib0.AppendVarBytes(roomFor(dst, len(key)+maxUvarintLen), key)
		}
		at := len(dst)
		if dst, err = c.values.append(dst, &c.rest); err != nil {
			return dst, err
		}
		dst = insertUvarint(roomFor(dst, maxUvarintLen), at, len(dst)-at)
	case kindDoc:
		guid, _, err := c.text.read()
		if err != nil {
			return dst, err
		}
		from := c.rest.Offset()
		if rest := c.rest.Rest(); len(rest) > 0 && rest[0] != lib0.TagObject {
			return dst, ErrOptions
		}
		if err := c.rest.SkipAny(); err != nil {
			return dst, err
		}
		options := c.rest.Slice(from, c.rest.Offset())
		dst = roomFor(dst, len(guid)+len(options)+maxUvarintLen)
		dst = append(lib0.AppendVarBytes(dst, guid), options...)
	default:
		return dst, ErrKind
	}
	return dst, nil
}

// roomFor makes room for n more bytes: twice as much as there is, so that a buffer that
// grows costs no more than four times what it holds in the end.
func roomFor(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, max(2*cap(dst), len(dst)+n, 64)), dst...)
}

// errKeyAgain asks to read once more and keep the keys.
var errKeyAgain = errors.New("a key by its number")

// readKey reads a format key or node name: a number below the count of those seen means
// one of them, any other a new one. Yjs writes new ones only, so that they are kept once
// there is another.
func (c *columnsIn) readKey() ([]byte, error) {
	n, err := c.keyClock.read()
	if err != nil {
		return nil, err
	}
	if n < c.keyCount {
		if !c.keepKeys {
			return nil, errKeyAgain
		}
		return c.keys[n], nil
	}
	key, _, err := c.text.read()
	if c.keyCount++; c.keepKeys && err == nil {
		c.keys = append(c.keys, key)
	}
	return key, err
}
