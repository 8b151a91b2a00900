package crdt

import (
	"errors"

	"weft/crdt/lib0"
)

// ErrPlace refuses a position that names neither a unit nor a type, or by a kind that
// is not known.
var ErrPlace = errors.New("position of no known kind")

// Position is a place in a list that stays with its neighbours while others edit: a
// cursor, an end of a selection, the anchor of a comment. Yjs calls it a relative
// position. At least one of Item, Root and Type is set, and the first of them that is
// decides:
//
//	Item   before that unit if Assoc ≥ 0, behind it if Assoc < 0
//	Root   the end of the root's list if Assoc ≥ 0, its start if Assoc < 0
//	Type   the same of a nested type, named by the unit that holds it
//
// With an item, Root or Type may tell besides in which list it lies: the JSON form
// carries that, the binary form does not.
type Position struct {
	Item  *ID
	Root  *string // valid UTF-8; "" is a legal name
	Type  *ID
	Assoc int // only the sign matters; between -(2^53-1) and 2^53-1
}

// The first byte of the binary form.
const (
	positionItem = 0
	positionRoot = 1
	positionType = 2
)

// Append writes the binary form, to the bytes of Yjs (encodeRelativePosition):
//
//	00 │ ID item    or    01 │ varstring root    or    02 │ ID type;    then varint assoc
//
// A position that is set nowhere is the caller's mistake, and panics.
func (p Position) Append(dst []byte) []byte {
	switch {
	case p.Item != nil:
		dst = appendID(append(dst, positionItem), p.Item.Client, p.Item.Clock)
	case p.Root != nil:
		dst = lib0.AppendVarString(append(dst, positionRoot), *p.Root)
	case p.Type != nil:
		dst = appendID(append(dst, positionType), p.Type.Client, p.Type.Clock)
	default:
		panic("crdt: a position that is set nowhere")
	}
	if p.Assoc < 0 {
		return lib0.AppendVarint(dst, true, uint64(-p.Assoc))
	}
	return lib0.AppendVarint(dst, false, uint64(p.Assoc))
}

// DecodePosition reads all of b. Where assoc is missing, as old versions of Yjs wrote
// it, it is 0; so is −0. Errors match ErrMalformed.
func DecodePosition(b []byte) (Position, error) {
	r := lib0.NewReader(b)
	p, err := readPosition(&r)
	if err == nil && r.Len() > 0 {
		err = ErrTrailing
	}
	if err != nil {
		return Position{}, &MalformedError{"position", r.Offset(), err}
	}
	return p, nil
}

func readPosition(r *lib0.Reader) (p Position, err error) {
	kind, err := r.Uvarint()
	if err != nil {
		return p, err
	}
	switch kind {
	case positionItem, positionType:
		var id ID
		if id.Client, err = r.Uvarint(); err != nil {
			return p, err
		}
		if id.Clock, err = r.Uvarint(); err != nil {
			return p, err
		}
		if p.Item = &id; kind == positionType {
			p.Item, p.Type = nil, &id
		}
	case positionRoot:
		root, err := r.VarString()
		if err != nil {
			return p, err
		}
		p.Root = &root
	default:
		return p, ErrPlace
	}
	if r.Len() == 0 {
		return p, nil
	}
	negative, assoc, err := r.Varint()
	if p.Assoc = int(assoc); negative {
		p.Assoc = -p.Assoc
	}
	return p, err
}

// Equal tells whether two positions are written alike, in either form.
func (p Position) Equal(q Position) bool {
	return p.Assoc == q.Assoc && same(p.Item, q.Item) && same(p.Root, q.Root) && same(p.Type, q.Type)
}

func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
