package crdt

import (
	"errors"

	"weft/crdt/lib0"
)

// Limits of update V2, where a few bytes can stand for any number of structs: as runs
// do not end, neither count nor size follows from the input's.
const (
	maxStructsV2     = 1_000_000 // or 16 for each byte of the update, if that is more
	maxGrowthV2      = 16 << 20  // bytes in format V1, beyond 64 for each byte of the update
	structsPerByteV2 = 16
	bytesPerByteV2   = 64
)

// Rules that only an update V2 can break.
var (
	ErrFeature  = errors.New("update V2 with a feature that is not known")
	ErrTooDense = errors.New("update V2 stands for too much")
)

// ApplyUpdateV2 is ApplyUpdate for update format V2.
func (d *Doc) ApplyUpdateV2(update []byte) (changed bool, err error) {
	v1, err := decodeV2(update)
	if err != nil {
		return false, err
	}
	if changed, err = d.ApplyUpdate(v1); err != nil {
		err = ofV2(update, err)
	}
	return changed, err
}

// ConvertUpdateV2ToV1 writes an update V2 in format V1, struct by struct. Errors match
// ErrMalformed. Safe to call concurrently.
func ConvertUpdateV2ToV1(update []byte) ([]byte, error) {
	v1, err := decodeV2(update)
	if err != nil {
		return nil, err
	}
	if err := ValidateUpdate(v1); err != nil {
		return nil, ofV2(update, err)
	}
	return v1, nil
}

// ofV2 turns an error about the converted bytes into one about those that came. Their
// place is lost.
func ofV2(update []byte, err error) error {
	if bad := (*MalformedError)(nil); errors.As(err, &bad) {
		return &MalformedError{"update V2", len(update), bad.Rule}
	}
	return err
}

// decodeV2 converts an update, without the checks that reading V1 makes anyway.
func decodeV2(update []byte) ([]byte, error) {
	var c columnsIn
	v1, err := c.decode(update)
	if err != nil {
		return nil, &MalformedError{"update V2", len(update) - c.rest.Len(), err}
	}
	return v1, nil
}

// columnsIn is an update V2 being read. Bytes that a column has left at the end are
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
	keys                  [][]byte // format keys and node names, by number
	scratch               []byte   // content of one struct
	json                  []byte   // one value
	values                anyToJSON
	limit                 int // bytes of output
}

func (c *columnsIn) open(update []byte) error {
	c.rest = lib0.NewReader(update)
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

func (c *columnsIn) decode(update []byte) ([]byte, error) {
	if err := c.open(update); err != nil {
		return nil, err
	}
	sections, err := c.rest.Count(2)
	if err != nil {
		return nil, err
	}
	left := uint64(max(maxStructsV2, structsPerByteV2*len(update)))
	c.limit = bytesPerByteV2*len(update) + maxGrowthV2
	dst := lib0.AppendUvarint(make([]byte, 0, 2*len(update)), uint64(sections))
	for ; sections > 0; sections-- {
		n, err := c.rest.Uvarint()
		if err != nil {
			return nil, err
		}
		if n > left {
			return nil, ErrTooDense
		}
		left -= n
		client, err := c.client.read()
		if err != nil {
			return nil, err
		}
		clock, err := c.rest.Uvarint()
		if err != nil {
			return nil, err
		}
		dst = appendID(lib0.AppendUvarint(dst, n), client, clock)
		for ; n > 0; n-- {
			var w wire
			if err := c.read(&w); err != nil {
				return nil, err
			}
			if dst = w.append(dst, 0); len(dst) > c.limit {
				return nil, ErrTooDense
			}
		}
	}
	ds, err := readDeleteSteps(&c.rest, nil)
	if err == nil && c.rest.Len() > 0 {
		err = ErrTrailing
	}
	return ds.normalise().append(dst), err
}

// read reads one struct but its client and clock, which w.append has no need for.
func (c *columnsIn) read(w *wire) (err error) {
	if w.info, err = c.info.read(); err != nil {
		return err
	}
	w.kind = kind(w.info & infoKind)
	switch {
	case !w.kind.isItem() && w.info != byte(w.kind):
		return ErrKind
	case w.kind == kindGC:
		w.length, err = c.length.read()
		return err
	case w.kind == kindSkip:
		w.length, err = c.rest.Uvarint()
		return err
	}
	if w.hasOrigin() {
		if w.origin, err = readIDV2(&c.client, &c.leftClock); err != nil {
			return err
		}
	}
	if w.hasRightOrigin() {
		if w.rightOrigin, err = readIDV2(&c.client, &c.rightClock); err != nil {
			return err
		}
	}
	if w.hasParent() {
		if err := c.readParent(w); err != nil {
			return err
		}
	}
	return c.readContent(w)
}

func readIDV2(client *numberRunsIn, clock *stepRunsIn) (id ID, err error) {
	if id.Client, err = client.read(); err == nil {
		id.Clock, err = clock.read()
	}
	return id, err
}

func (c *columnsIn) readParent(w *wire) error {
	flag, err := c.parentInfo.read()
	if err != nil {
		return err
	}
	if w.rooted = flag == 1; w.rooted {
		w.root, err = c.text.read()
	} else {
		w.parent, err = readIDV2(&c.client, &c.leftClock)
	}
	if err == nil && w.hasKey() {
		w.key, err = c.text.read()
	}
	return err
}

func (c *columnsIn) readContent(w *wire) (err error) {
	w.length = 1
	from := c.rest.Offset()
	switch w.kind {
	case kindDeleted:
		w.length, err = c.length.read()
		return err
	case kindString:
		w.content, err = c.text.read()
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
			text, err := c.text.read()
			if err != nil {
				return dst, err
			}
			if len(text) == 0 { // nor would a huge count of them end
				return dst, ErrJSON
			}
			dst = lib0.AppendVarBytes(dst, text)
		}
	case kindEmbed, kindFormat:
		if w.kind == kindFormat {
			key, err := c.readKey()
			if err != nil {
				return dst, err
			}
			dst = lib0.AppendVarBytes(dst, key)
		}
		c.json, err = c.values.append(c.json[:0], &c.rest)
		return lib0.AppendVarBytes(dst, c.json), err
	case kindDoc:
		guid, err := c.text.read()
		if err != nil {
			return dst, err
		}
		from := c.rest.Offset()
		err = c.rest.SkipAny()
		return append(lib0.AppendVarBytes(dst, guid), c.rest.Slice(from, c.rest.Offset())...), err
	default:
		return dst, ErrKind
	}
	return dst, nil
}

// readKey reads a format key or node name: a number below the count of those seen means
// one of them, any other a new one.
func (c *columnsIn) readKey() ([]byte, error) {
	n, err := c.keyClock.read()
	if err != nil {
		return nil, err
	}
	if n < uint64(len(c.keys)) {
		return c.keys[n], nil
	}
	key, err := c.text.read()
	if err == nil {
		c.keys = append(c.keys, key)
	}
	return key, err
}
