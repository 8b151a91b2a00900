package crdt

import (
	"encoding/json"

	"weft/crdt/lib0"
)

// Bits of the info byte in front of every struct; the low five are the kind.
const (
	infoKind        = 0x1f
	infoKey         = 0x20 // belongs to a key of a map
	infoRightOrigin = 0x40
	infoOrigin      = 0x80
)

// wire is one struct as an update holds it. Its byte slices are views into the
// update. What info and kind say is not there is left over from the struct before.
type wire struct {
	kind   kind
	info   byte
	shape  uint8 // of kindType
	rooted bool  // the parent is the root named root, not the type at parent

	client, clock, length uint64
	origin, rightOrigin   ID // where info says so

	// Only of an item without any origin; others inherit from their neighbours.
	root   []byte
	parent ID
	key    []byte // where infoKey is set

	name    []byte // node or hook name of kindType
	content []byte // as content.go lists it
}

func (w *wire) end() uint64          { return w.clock + w.length }
func (w *wire) hasOrigin() bool      { return w.info&infoOrigin != 0 }
func (w *wire) hasRightOrigin() bool { return w.info&infoRightOrigin != 0 }
func (w *wire) hasParent() bool      { return w.info&(infoOrigin|infoRightOrigin) == 0 && w.kind.isItem() }
func (w *wire) hasKey() bool         { return w.info&infoKey != 0 && w.hasParent() }

func (k kind) isItem() bool { return k != kindGC && k != kindSkip }

// read reads the struct that client wrote at clock, and checks everything about it
// that can be checked without the document.
func (w *wire) read(r *lib0.Reader, client, clock uint64) error {
	info, err := r.Byte()
	if err != nil {
		return err
	}
	w.info, w.kind = info, kind(info&infoKind)
	w.client, w.clock, w.content = client, clock, nil
	if w.kind.isItem() {
		if err := w.readPlace(r); err != nil {
			return err
		}
	} else if info != byte(w.kind) {
		return ErrKind
	}
	if err := w.readContent(r); err != nil {
		return err
	}
	switch {
	case w.length == 0:
		return ErrZeroLength
	case clock > maxUnits || w.length > maxUnits-clock:
		return ErrClock
	}
	return nil
}

func (w *wire) readPlace(r *lib0.Reader) (err error) {
	if w.hasOrigin() {
		if w.origin, err = w.readID(r); err != nil {
			return err
		}
	}
	if w.hasRightOrigin() {
		if w.rightOrigin, err = w.readID(r); err != nil {
			return err
		}
	}
	if !w.hasParent() {
		return nil // then neither is the key on the wire, though infoKey may be set
	}
	flag, err := r.Uvarint()
	if err != nil {
		return err
	}
	// Yjs takes every flag but 1 for "nested".
	if w.rooted = flag == 1; w.rooted {
		w.root, err = r.VarText()
	} else {
		w.parent, err = w.readID(r)
	}
	if err == nil && w.info&infoKey != 0 {
		w.key, err = r.VarText()
	}
	return err
}

// readID reads the ID of a unit that this struct builds on.
func (w *wire) readID(r *lib0.Reader) (id ID, err error) {
	if id.Client, err = r.Uvarint(); err != nil {
		return id, err
	}
	if id.Clock, err = r.Uvarint(); err != nil {
		return id, err
	}
	if id.Client == w.client && id.Clock >= w.clock {
		return id, ErrForwardOrigin
	}
	return id, nil
}

func (w *wire) readContent(r *lib0.Reader) (err error) {
	from := r.Offset()
	w.length = 1
	switch w.kind {
	case kindGC, kindSkip, kindDeleted:
		w.length, err = r.Uvarint()
		return err
	case kindString:
		if w.content, err = r.VarText(); err == nil {
			w.length = uint64(utf16Len(w.content))
		}
		return err
	case kindJSON, kindAny:
		n, err := r.Count(1)
		from = r.Offset()
		w.length = uint64(n)
		for ; err == nil && n > 0; n-- {
			if w.kind == kindAny {
				err = r.SkipAny()
			} else {
				err = readJSON(r, true)
			}
		}
		w.content = r.Slice(from, r.Offset())
		return err
	case kindType:
		shape, err := r.Uvarint()
		if err == nil && shape > maxShape {
			err = ErrKind
		}
		if err == nil && shapeHasName(uint8(shape)) {
			w.name, err = r.VarText()
		}
		w.shape = uint8(shape)
		return err
	case kindBinary:
		_, err = r.VarBytes()
	case kindEmbed:
		err = readJSON(r, false)
	case kindFormat:
		if _, err = r.VarText(); err == nil {
			err = readJSON(r, false)
		}
	case kindDoc:
		if _, err = r.VarText(); err == nil {
			if rest := r.Rest(); len(rest) > 0 && rest[0] != lib0.TagObject {
				return ErrOptions // clients read properties off it
			}
			err = r.SkipAny()
		}
	default:
		return ErrKind
	}
	w.content = r.Slice(from, r.Offset())
	return err
}

// readJSON reads past a varstring that a browser will hand to JSON.parse.
func readJSON(r *lib0.Reader, orUndefined bool) error {
	b, err := r.VarText()
	if err != nil {
		return err
	}
	return checkJSON(b, orUndefined)
}

func checkJSON(b []byte, orUndefined bool) error {
	if orUndefined && string(b) == "undefined" {
		return nil
	}
	if jsonDepth(b) > lib0.MaxDepth {
		return lib0.ErrDepth
	}
	if !json.Valid(b) {
		return ErrJSON
	}
	return nil
}

// jsonDepth is how deeply the brackets of a JSON text nest.
func jsonDepth(b []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

// append writes the struct from its unit skip on: its origin is then the unit
// before.
func (w *wire) append(dst []byte, skip uint64) []byte {
	if !w.kind.isItem() {
		return lib0.AppendUvarint(append(dst, byte(w.kind)), w.length-skip)
	}
	info, origin := w.info, w.origin
	if skip > 0 {
		info, origin = info|infoOrigin, ID{w.client, w.clock + skip - 1}
	}
	dst = append(dst, info)
	if info&infoOrigin != 0 {
		dst = appendID(dst, origin.Client, origin.Clock)
	}
	if info&infoRightOrigin != 0 {
		dst = appendID(dst, w.rightOrigin.Client, w.rightOrigin.Clock)
	}
	if info&(infoOrigin|infoRightOrigin) == 0 {
		if w.rooted {
			dst = lib0.AppendVarBytes(append(dst, 1), w.root)
		} else {
			dst = appendID(append(dst, 0), w.parent.Client, w.parent.Clock)
		}
		if info&infoKey != 0 {
			dst = lib0.AppendVarBytes(dst, w.key)
		}
	}
	if w.kind == kindType {
		return appendType(dst, w.shape, w.name)
	}
	return appendContent(dst, w.kind, w.content, w.length, skip)
}

func appendID(dst []byte, client, clock uint64) []byte {
	return lib0.AppendUvarint(lib0.AppendUvarint(dst, client), clock)
}

func appendType(dst []byte, shape uint8, name []byte) []byte {
	dst = append(dst, shape)
	if shapeHasName(shape) {
		dst = lib0.AppendVarBytes(dst, name)
	}
	return dst
}
