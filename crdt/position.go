package crdt

import (
	"errors"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// ErrPlace refuses a position that sets none of Item, Root and Type, an encoded position of
// unknown kind, and a unit that holds no nested type (PositionIn).
var ErrPlace = errors.New("position of no known kind")

// Position is a place in a list that moves along with its neighbours while the list is
// edited: a caret, an end of a selection, the anchor of a comment (Yjs: relative position).
// At least one of Item, Root and Type is set. The first one set, in this order, decides:
//
//	Item   before that unit if Assoc ≥ 0, behind it if Assoc < 0
//	Root   the end of the root's list if Assoc ≥ 0, its start if Assoc < 0
//	Type   the same for a nested type, which is named by the unit that holds it
//
// Besides Item, Root or Type may name the list that the item is in. The JSON form includes
// that, the binary form does not.
type Position struct {
	Item  *ID
	Root  *string // valid UTF-8; "" is a legal name
	Type  *ID
	Assoc int // only its sign matters; from -(2^53-1) to 2^53-1
}

// The first byte of the binary form.
const (
	positionItem = 0
	positionRoot = 1
	positionType = 2
)

// Append appends the binary form to dst, the same bytes as Yjs's encodeRelativePosition:
//
//	00 │ ID item    or    01 │ varstring root    or    02 │ ID type;    then varint assoc
//
// It panics if none of Item, Root and Type is set.
func (p Position) Append(dst []byte) []byte {
	switch {
	case p.Item != nil:
		dst = codec.AppendID(append(dst, positionItem), p.Item.Client, p.Item.Clock)
	case p.Root != nil:
		dst = lib0.AppendVarString(append(dst, positionRoot), *p.Root)
	case p.Type != nil:
		dst = codec.AppendID(append(dst, positionType), p.Type.Client, p.Type.Clock)
	default:
		panic("crdt: Position.Append: none of Item, Root and Type is set")
	}
	if p.Assoc < 0 {
		return lib0.AppendVarint(dst, true, uint64(-p.Assoc))
	}
	return lib0.AppendVarint(dst, false, uint64(p.Assoc))
}

// DecodePosition decodes the binary form, which must take all of b. Old versions of Yjs
// leave assoc out; it is then 0. An assoc of −0 is read as 0. Errors match ErrMalformed.
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

// Equal reports whether p and q have the same fields, and so the same encoding in both
// forms.
func (p Position) Equal(q Position) bool {
	return p.Assoc == q.Assoc && same(p.Item, q.Item) && same(p.Root, q.Root) && same(p.Type, q.Type)
}

func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
