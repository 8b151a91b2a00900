package wire

import (
	"errors"
	"fmt"

	"weft/crdt/lib0"
	"weft/crdt/ysync"
)

// Type is the first varuint of a body. Types 0 to 3 are those of y-protocols.
type Type uint64

// The types of a body.
const (
	TypeSync           Type = 0
	TypeAwareness      Type = 1
	TypeAuth           Type = 2
	TypeQueryAwareness Type = 3
	TypeEvent          Type = 16 // native dialect only: msgpack of [name, object]
	TypeAck            Type = 17 // native dialect only: a varuint
)

// ErrFrame says that a frame is malformed. The connection that sent it is closed
// with CloseBadFrame.
var ErrFrame = errors.New("wire: bad frame")

// Body is a decoded body. Its slices refer to the frame that it was decoded from.
type Body struct {
	Type Type
	// Sync is the kind of a TypeSync body: ysync.Step1, Step2 or Update.
	Sync uint64
	// Payload is, by type: the state vector of a sync step 1, the update of a step
	// 2 or update, an awareness update, or an event's msgpack. Other types have none.
	Payload []byte
}

// IsUpdate reports whether the body carries an update of the document.
func (b Body) IsUpdate() bool { return b.Type == TypeSync && b.Sync != ysync.Step1 }

// DecodeBody reads the one body that frame consists of. An unknown type is no
// error, since newer clients may use more types: the result then has a Type only.
// Errors wrap ErrFrame.
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

// AppendStep1 appends sync step 1, which asks for everything that state vector sv
// lacks.
func AppendStep1(dst, sv []byte) []byte { return ysync.AppendStep1(append(dst, byte(TypeSync)), sv) }

// AppendStep2 appends sync step 2, which answers a step 1.
func AppendStep2(dst, update []byte) []byte {
	return ysync.AppendStep2(append(dst, byte(TypeSync)), update)
}

// AppendUpdate appends the body that carries an update.
func AppendUpdate(dst, update []byte) []byte {
	return ysync.AppendUpdate(append(dst, byte(TypeSync)), update)
}

// AppendAwareness appends the body that carries an awareness update.
func AppendAwareness(dst, update []byte) []byte {
	return lib0.AppendVarBytes(append(dst, byte(TypeAwareness)), update)
}

// AppendAck appends the ack of the native dialect: the first n document messages
// that the client sent on this channel are durable.
func AppendAck(dst []byte, n uint64) []byte {
	return lib0.AppendUvarint(append(dst, byte(TypeAck)), n)
}
