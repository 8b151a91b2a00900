package v2

import (
	"errors"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// The rules that only an update V2 can break. Package crdt exports and explains them.
var (
	ErrFeature  = errors.New("update V2 with an unknown feature")
	ErrTooDense = errors.New("update V2 stands for too many structs for its size")
)

// Decoder reads updates in format V2, one after another. Excess bytes at the end of a
// column are ignored, as in Yjs. Bytes behind the delete set are an error.
//
// To read an update:
//
//	Survey → Rewind → for each section { Begin → for each struct { Read } }
//
// The zero value is ready. A Decoder is not safe for concurrent use.
type Decoder struct {
	keyClock              deltaRunReader
	client                uintRunReader
	leftClock, rightClock deltaRunReader
	info                  byteRunReader
	text                  textReader
	parentInfo            byteRunReader
	shape, length         uintRunReader
	rest                  lib0.Reader
	size                  int // of the update, in bytes

	keys     [][]byte // format keys and node names by number, if keepKeys
	keyCount uint64   // keys read so far
	keepKeys bool

	scratch []byte // content of one struct
	values  jsvalue.Stringifier
	used    int // part of allowFree that earlier updates have used up
}

// Offset returns about how many bytes were read so far, for error messages.
func (d *Decoder) Offset() int { return d.size - d.rest.Len() }

// Rewind begins to read the structs of an update that Survey has accepted. From then on
// Begin and Read cannot fail.
func (d *Decoder) Rewind(update []byte) {
	d.open(update)  //nolint:errcheck // surveyed
	d.rest.Count(2) //nolint:errcheck // surveyed
}

// open begins to read an update at its start.
func (d *Decoder) open(update []byte) error {
	*d = Decoder{
		keepKeys: d.keepKeys, keys: d.keys[:0], scratch: d.scratch, values: d.values, used: d.used,
		size: len(update), rest: lib0.NewReader(update),
	}
	features, err := d.rest.Uvarint()
	if err != nil {
		return err
	}
	if features != 0 {
		return ErrFeature
	}
	var text lib0.Reader
	for _, r := range []*lib0.Reader{
		&d.keyClock.r, &d.client.r, &d.leftClock.r, &d.rightClock.r,
		&d.info.r, &text, &d.parentInfo.r, &d.shape.r, &d.length.r,
	} {
		column, err := d.rest.VarBytes()
		if err != nil {
			return err
		}
		*r = lib0.NewReader(column)
	}
	d.text, err = newTextReader(text.Rest())
	return err
}

// Begin reads the head of a section: how many structs of client follow, the first one at
// clock.
func (d *Decoder) Begin() (structs, client, clock uint64, err error) {
	if structs, err = d.rest.Uvarint(); err != nil {
		return structs, client, clock, err
	}
	if client, err = d.client.read(); err != nil {
		return structs, client, clock, err
	}
	clock, err = d.rest.Uvarint()
	return structs, client, clock, err
}

// Read reads the struct that client wrote at clock, and checks what
// codec.Struct.Read checks. The slices of w are valid until the next call.
func (d *Decoder) Read(w *codec.Struct, client, clock uint64) error {
	info, err := d.info.read()
	if err != nil {
		return err
	}
	w.Info, w.Kind = info, codec.Kind(info&codec.InfoKind)
	w.Client, w.Clock, w.Content = client, clock, nil
	switch {
	case !w.Kind.IsItem() && info != byte(w.Kind):
		return codec.ErrKind
	case w.Kind == codec.KindGC:
		w.Length, err = d.length.read()
	case w.Kind == codec.KindSkip:
		w.Length, err = d.rest.Uvarint()
	default:
		if err = d.readPlace(w); err == nil {
			err = d.readContent(w)
		}
	}
	switch {
	case err != nil:
		return err
	case w.Length == 0:
		return codec.ErrZeroLength
	case clock > codec.MaxUnits || w.Length > codec.MaxUnits-clock:
		return codec.ErrClock
	}
	return nil
}

func (d *Decoder) readPlace(w *codec.Struct) (err error) {
	if w.HasOrigin() {
		if w.Origin, err = d.readID(w, &d.leftClock); err != nil {
			return err
		}
	}
	if w.HasRightOrigin() {
		if w.RightOrigin, err = d.readID(w, &d.rightClock); err != nil {
			return err
		}
	}
	if !w.HasParent() {
		return nil
	}
	flag, err := d.parentInfo.read()
	if err != nil {
		return err
	}
	if w.InRoot = flag == 1; w.InRoot {
		w.Root, _, err = d.text.read()
	} else {
		w.Parent, err = d.readID(w, &d.leftClock)
	}
	if err == nil && w.HasKey() {
		w.Key, _, err = d.text.read()
	}
	return err
}

// readID reads the ID of a unit on which w depends.
func (d *Decoder) readID(w *codec.Struct, clock *deltaRunReader) (id codec.ID, err error) {
	if id.Client, err = d.client.read(); err != nil {
		return id, err
	}
	if id.Clock, err = clock.read(); err != nil {
		return id, err
	}
	if id.Client == w.Client && id.Clock >= w.Clock {
		return id, codec.ErrForwardOrigin
	}
	return id, nil
}

func (d *Decoder) readContent(w *codec.Struct) (err error) {
	w.Length = 1
	from := d.rest.Offset()
	switch w.Kind {
	case codec.KindDeleted:
		w.Length, err = d.length.read()
		return err
	case codec.KindString:
		w.Content, w.Length, err = d.text.read()
		return err
	case codec.KindType:
		shape, err := d.shape.read()
		if err == nil && shape > codec.MaxShape {
			err = codec.ErrKind
		}
		if w.Shape = uint8(shape); err == nil && codec.ShapeHasName(w.Shape) {
			w.Name, err = d.readKey()
		}
		return err
	case codec.KindAny:
		if w.Length, err = d.length.read(); err != nil {
			return err
		}
		if w.Length > uint64(d.rest.Len()) {
			return lib0.ErrShort
		}
		for n := w.Length; err == nil && n > 0; n-- {
			err = d.rest.SkipAny()
		}
	case codec.KindBinary:
		_, err = d.rest.VarBytes()
	default:
		d.scratch, err = d.readTexts(d.scratch[:0], w)
		w.Content = d.scratch
		return err
	}
	w.Content = d.rest.Slice(from, d.rest.Offset())
	return err
}

// readTexts reads content that format V1 holds as texts and format V2 divides among
// columns. It appends the content to dst in the form of V1.
func (d *Decoder) readTexts(dst []byte, w *codec.Struct) (_ []byte, err error) {
	switch w.Kind {
	case codec.KindJSON:
		if w.Length, err = d.length.read(); err != nil {
			return dst, err
		}
		for n := w.Length; n > 0; n-- {
			text, _, err := d.text.read()
			if err == nil {
				err = jsvalue.CheckJSONElement(text) // an empty one is none: so a huge count of them ends
			}
			if err != nil {
				return dst, err
			}
			dst = lib0.AppendVarBytes(jsvalue.Grow(dst, len(text)+codec.MaxUvarintLen), text)
		}
	case codec.KindEmbed, codec.KindFormat:
		if w.Kind == codec.KindFormat {
			key, err := d.readKey()
			if err != nil {
				return dst, err
			}
			dst = lib0.AppendVarBytes(jsvalue.Grow(dst, len(key)+codec.MaxUvarintLen), key)
		}
		at := len(dst)
		if dst, err = d.values.Append(dst, &d.rest); err != nil {
			return dst, err
		}
		dst = jsvalue.InsertUvarint(jsvalue.Grow(dst, codec.MaxUvarintLen), at, len(dst)-at)
	case codec.KindDoc:
		guid, _, err := d.text.read()
		if err != nil {
			return dst, err
		}
		from := d.rest.Offset()
		if rest := d.rest.Rest(); len(rest) > 0 && rest[0] != lib0.TagObject {
			return dst, codec.ErrOptions
		}
		if err := d.rest.SkipAny(); err != nil {
			return dst, err
		}
		options := d.rest.Slice(from, d.rest.Offset())
		dst = jsvalue.Grow(dst, len(guid)+len(options)+codec.MaxUvarintLen)
		dst = append(lib0.AppendVarBytes(dst, guid), options...)
	default:
		return dst, codec.ErrKind
	}
	return dst, nil
}

// errKeyAgain asks the caller to read the update again and keep the keys.
var errKeyAgain = errors.New("a key by its number")

// readKey reads a format key or node name by its number. A number below the count of keys
// read so far refers to one of them; any other number means a new key. Yjs writes new
// numbers only, so the keys are kept only once an update refers to one.
func (d *Decoder) readKey() ([]byte, error) {
	n, err := d.keyClock.read()
	if err != nil {
		return nil, err
	}
	if n < d.keyCount {
		if !d.keepKeys {
			return nil, errKeyAgain
		}
		return d.keys[n], nil
	}
	key, _, err := d.text.read()
	if d.keyCount++; d.keepKeys && err == nil {
		d.keys = append(d.keys, key)
	}
	return key, err
}

// ToV1 writes the structs of an update that Survey has accepted in format V1; the delete
// set is left to the caller. It leaves the last struct in last. If section is not nil, it
// is called with each section in turn; raw is the section's structs in V1.
func (d *Decoder) ToV1(update []byte, s *Survey, last *codec.Struct, section func(client, clock uint64, structs int, raw []byte)) []byte {
	var w codec.Struct // on the stack, which makes reading faster
	d.Rewind(update)
	dst := lib0.AppendUvarint(make([]byte, 0, s.MaxSizeV1), uint64(s.Sections))
	for range s.Sections {
		structs, client, clock, _ := d.Begin()
		dst = codec.AppendID(lib0.AppendUvarint(dst, structs), client, clock)
		from, first := len(dst), clock
		for range structs {
			d.Read(&w, client, clock) //nolint:errcheck // surveyed
			dst = w.Append(dst, 0)
			clock = w.End()
		}
		if section != nil {
			section(client, first, int(structs), dst[from:len(dst):len(dst)])
		}
	}
	*last = w
	return dst
}
