package wire

import (
	"errors"
	"fmt"

	"weft/crdt/lib0"
	"weft/crdt/ysync"
)

// Type is the first varuint of a body. The first four are y-websocket's.
type Type uint64

// The types of a body.
const (
	TypeSync           Type = 0
	TypeAwareness      Type = 1
	TypeAuth           Type = 2
	TypeQueryAwareness Type = 3
	TypeEvent          Type = 16 // native only: msgpack [name, map]
	TypeAck            Type = 17 // native only: varuint
)

// ErrFrame says that a frame is malformed: its sender is closed with
// CloseBadFrame.
var ErrFrame = errors.New("wire: bad frame")

// Body is a decoded body. Its slices lie in the frame it was decoded from.
type Body struct {
	Type Type
	// Sync is the kind of a TypeSync body: ysync.Step1, Step2 or Update.
	Sync uint64
	// Payload is a state vector, an update, an awareness update or an event's
	// msgpack, by type; nil for the rest.
	Payload []byte
}

// IsUpdate tells whether the body carries a change of the document.
func (b Body) IsUpdate() bool { return b.Type == TypeSync && b.Sync != ysync.Step1 }

// DecodeBody reads one body that fills frame. A type it does not know is no
// error, as newer clients may send some: the body then has only its Type.
func DecodeBody(frame []byte) (Body, error) {
	r := lib0.NewReader(frame)
	t, err := r.Uvarint()
	if err != nil {
		return Body{}, fmt.Errorf("%w: type: %w", ErrFrame, err)
	}
	b := Body{Type: Type(t)}
	rest := frame[len(frame)-r.Len():]
	switch b.Type {
	case TypeSync:
		b.Sync, b.Payload, err = ysync.Read(rest)
	case TypeAwareness:
		b.Payload, err = r.VarBytes()
	case TypeEvent:
		b.Payload = rest
	}
	if err != nil {
		return Body{}, fmt.Errorf("%w: type %d: %w", ErrFrame, t, err)
	}
	return b, nil
}

// AppendStep1 appends the body that asks for what state vector sv lacks.
func AppendStep1(dst, sv []byte) []byte { return ysync.AppendStep1(append(dst, byte(TypeSync)), sv) }

// AppendStep2 appends the body that answers a step 1.
func AppendStep2(dst, update []byte) []byte {
	return ysync.AppendStep2(append(dst, byte(TypeSync)), update)
}

// AppendUpdate appends the body that carries a change.
func AppendUpdate(dst, update []byte) []byte {
	return ysync.AppendUpdate(append(dst, byte(TypeSync)), update)
}

// AppendAwareness appends the body that carries an awareness update.
func AppendAwareness(dst, update []byte) []byte {
	return lib0.AppendVarBytes(append(dst, byte(TypeAwareness)), update)
}

// AppendAck appends the body that says the first n document messages of a
// channel are on disk.
func AppendAck(dst []byte, n uint64) []byte {
	return lib0.AppendUvarint(append(dst, byte(TypeAck)), n)
}
