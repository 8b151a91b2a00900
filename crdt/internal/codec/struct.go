package codec

import (
	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// MaxClock is 2^53-1, JavaScript's Number.MAX_SAFE_INTEGER. It limits client ids, and the
// clocks in state vectors, delete sets and Skips.
const MaxClock = lib0.MaxSafe

// MaxUnits is 2^32-1: the clocks of stored units are below it, so that clocks in memory
// take four bytes. Nobody types that many units. Yjs has no such limit.
const MaxUnits = 1<<32 - 1

// MaxUvarintLen is enough bytes for any uvarint.
const MaxUvarintLen = 10

// ID names one unit: the unit that Client wrote at Clock.
type ID struct {
	Client uint64 // at most MaxClock
	Clock  uint64 // below MaxUnits for units that exist
}

// The bits of the info byte, which precedes every struct.
const (
	InfoKind        = 0x1f // the Kind
	InfoKey         = 0x20 // belongs to a key of a map
	InfoRightOrigin = 0x40 // has a right origin
	InfoOrigin      = 0x80 // has an origin
)

// Struct is one struct as an update holds it. Its byte slices are views of the update.
//
// A Struct is reused for one struct after another. Fields that do not apply, according to
// Kind and Info, hold stale values of an earlier struct.
type Struct struct {
	Kind   Kind
	Info   byte
	Shape  uint8 // of a KindType
	InRoot bool  // the parent is the root named Root, not the type in the unit Parent

	Client, Clock, Length uint64 // Clock is that of the first of Length units
	Origin, RightOrigin   ID     // if HasOrigin, HasRightOrigin

	// The place of an item that has neither origin; others are where their origins are.
	Root   []byte // the name of a root type, if InRoot
	Parent ID     // the unit that holds a nested type, unless InRoot
	Key    []byte // a map key, if HasKey

	Name    []byte // node name or hook name of a KindType
	Content []byte // by Kind: see content.go
}

// End returns the clock behind the last unit.
func (w *Struct) End() uint64 { return w.Clock + w.Length }

// HasOrigin reports whether Origin applies.
func (w *Struct) HasOrigin() bool { return w.Info&InfoOrigin != 0 }

// HasRightOrigin reports whether RightOrigin applies.
func (w *Struct) HasRightOrigin() bool { return w.Info&InfoRightOrigin != 0 }

// HasParent reports whether the struct itself names its parent: Root or Parent.
func (w *Struct) HasParent() bool {
	return w.Info&(InfoOrigin|InfoRightOrigin) == 0 && w.Kind.IsItem()
}

// HasKey reports whether Key applies.
func (w *Struct) HasKey() bool { return w.Info&InfoKey != 0 && w.HasParent() }

// OmitsKey reports whether the struct belongs to a key that it does not name, since
// its origins do.
func (w *Struct) OmitsKey() bool { return w.Info&InfoKey != 0 && !w.HasParent() }

// Read reads the struct that client wrote at clock. It checks everything about the struct
// that can be checked without a document. Errors are rules of errors.go or of packages
// lib0 and jsvalue.
func (w *Struct) Read(r *lib0.Reader, client, clock uint64) error {
	info, err := r.Byte()
	if err != nil {
		return err
	}
	w.Info, w.Kind = info, Kind(info&InfoKind)
	w.Client, w.Clock, w.Content = client, clock, nil
	if w.Kind.IsItem() {
		if err := w.readPlace(r); err != nil {
			return err
		}
	} else if info != byte(w.Kind) {
		return ErrKind
	}
	if err := w.readContent(r); err != nil {
		return err
	}
	switch {
	case w.Length == 0:
		return ErrZeroLength
	case clock > MaxUnits || w.Length > MaxUnits-clock:
		return ErrClock
	}
	return nil
}

func (w *Struct) readPlace(r *lib0.Reader) (err error) {
	if w.HasOrigin() {
		if w.Origin, err = w.readID(r); err != nil {
			return err
		}
	}
	if w.HasRightOrigin() {
		if w.RightOrigin, err = w.readID(r); err != nil {
			return err
		}
	}
	if !w.HasParent() {
		return nil // then the key is not written either, though InfoKey may be set
	}
	flag, err := r.Uvarint()
	if err != nil {
		return err
	}
	// Yjs takes every flag but 1 for "nested".
	if w.InRoot = flag == 1; w.InRoot {
		w.Root, err = r.VarText()
	} else {
		w.Parent, err = w.readID(r)
	}
	if err == nil && w.Info&InfoKey != 0 {
		w.Key, err = r.VarText()
	}
	return err
}

// readID reads the ID of a unit on which the struct depends.
func (w *Struct) readID(r *lib0.Reader) (id ID, err error) {
	if id.Client, err = r.Uvarint(); err != nil {
		return id, err
	}
	if id.Clock, err = r.Uvarint(); err != nil {
		return id, err
	}
	if id.Client == w.Client && id.Clock >= w.Clock {
		return id, ErrForwardOrigin
	}
	return id, nil
}

func (w *Struct) readContent(r *lib0.Reader) (err error) {
	from := r.Offset()
	w.Length = 1
	switch w.Kind {
	case KindGC, KindSkip, KindDeleted:
		w.Length, err = r.Uvarint()
		return err
	case KindString:
		if w.Content, err = r.VarText(); err == nil {
			w.Length = uint64(UTF16Len(w.Content))
		}
		return err
	case KindJSON, KindAny:
		n, err := r.Count(1)
		from = r.Offset()
		w.Length = uint64(n)
		for ; err == nil && n > 0; n-- {
			if w.Kind == KindAny {
				err = r.SkipAny()
			} else {
				err = ReadJSONElement(r)
			}
		}
		w.Content = r.Slice(from, r.Offset())
		return err
	case KindType:
		shape, err := r.Uvarint()
		if err == nil && shape > MaxShape {
			err = ErrKind
		}
		if err == nil && ShapeHasName(uint8(shape)) {
			w.Name, err = r.VarText()
		}
		w.Shape = uint8(shape)
		return err
	case KindBinary:
		_, err = r.VarBytes()
	case KindEmbed:
		err = ReadJSON(r)
	case KindFormat:
		if _, err = r.VarText(); err == nil {
			err = ReadJSON(r)
		}
	case KindDoc:
		if _, err = r.VarText(); err == nil {
			if rest := r.Rest(); len(rest) > 0 && rest[0] != lib0.TagObject {
				return ErrOptions // clients read properties of the options
			}
			err = r.SkipAny()
		}
	default:
		return ErrKind
	}
	w.Content = r.Slice(from, r.Offset())
	return err
}

// ReadJSON reads a varstring that must be a JSON text: browsers call JSON.parse on it.
func ReadJSON(r *lib0.Reader) error {
	b, err := r.VarText()
	if err != nil {
		return err
	}
	return jsvalue.CheckJSON(b)
}

// ReadJSONElement reads an element of KindJSON: a JSON text or the bare word undefined.
func ReadJSONElement(r *lib0.Reader) error {
	b, err := r.VarText()
	if err != nil {
		return err
	}
	return jsvalue.CheckJSONElement(b)
}

// Append writes the struct from its unit skip on. If skip is not 0, its origin is the unit
// before.
func (w *Struct) Append(dst []byte, skip uint64) []byte {
	if !w.Kind.IsItem() {
		return lib0.AppendUvarint(append(dst, byte(w.Kind)), w.Length-skip)
	}
	info, origin := w.Info, w.Origin
	if skip > 0 {
		info, origin = info|InfoOrigin, ID{w.Client, w.Clock + skip - 1}
	}
	dst = append(dst, info)
	if info&InfoOrigin != 0 {
		dst = AppendID(dst, origin.Client, origin.Clock)
	}
	if info&InfoRightOrigin != 0 {
		dst = AppendID(dst, w.RightOrigin.Client, w.RightOrigin.Clock)
	}
	if info&(InfoOrigin|InfoRightOrigin) == 0 {
		if w.InRoot {
			dst = lib0.AppendVarBytes(append(dst, 1), w.Root)
		} else {
			dst = AppendID(append(dst, 0), w.Parent.Client, w.Parent.Clock)
		}
		if info&InfoKey != 0 {
			dst = lib0.AppendVarBytes(dst, w.Key)
		}
	}
	if w.Kind == KindType {
		return appendType(dst, w.Shape, w.Name)
	}
	return AppendContent(dst, w.Kind, w.Content, w.Length, skip)
}

// MaxSize returns an upper bound of the bytes that Append writes, from unit 0 on.
func (w *Struct) MaxSize() int {
	n := 1 + 5 + len(w.Content) // the length is at most 2^32
	if !w.Kind.IsItem() {
		return n
	}
	if w.HasOrigin() {
		n += lib0.UvarintLen(w.Origin.Client) + lib0.UvarintLen(w.Origin.Clock)
	}
	if w.HasRightOrigin() {
		n += lib0.UvarintLen(w.RightOrigin.Client) + lib0.UvarintLen(w.RightOrigin.Clock)
	}
	if w.HasParent() {
		n++
		if w.InRoot {
			n += 5 + len(w.Root)
		} else {
			n += lib0.UvarintLen(w.Parent.Client) + lib0.UvarintLen(w.Parent.Clock)
		}
		if w.HasKey() {
			n += 5 + len(w.Key)
		}
	}
	if w.Kind == KindType {
		n += 5 + len(w.Name)
	}
	return n
}

// AppendID appends an ID: two uvarints.
func AppendID(dst []byte, client, clock uint64) []byte {
	return lib0.AppendUvarint(lib0.AppendUvarint(dst, client), clock)
}

func appendType(dst []byte, shape uint8, name []byte) []byte {
	dst = append(dst, shape)
	if ShapeHasName(shape) {
		dst = lib0.AppendVarBytes(dst, name)
	}
	return dst
}
