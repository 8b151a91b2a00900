// Package ysync reads and writes the sync messages of y-protocols: the part of a
// frame after its type byte (0 in y-websocket) or after its document name
// (Hocuspocus).
//
//	body := uvarint kind, varbytes payload
//	kind    0 step 1   payload: the sender's state vector   "what do I miss?"
//	        1 step 2   payload: an update, V1               "this"
//	        2 update   payload: an update, V1               "this just happened"
//
// A step 1 must be answered by a step 2, even an empty one. Payloads are not looked
// into here; package crdt validates them. Source: y-protocols 1.0 sync.js, whose
// bytes are in crdt/testdata/interop/yjs-vectors.json.
package ysync

import (
	"errors"
	"fmt"

	"weft/crdt/lib0"
)

// Kinds of message.
const (
	Step1  = 0
	Step2  = 1
	Update = 2
)

// Reasons why a body is refused.
var (
	ErrKind     = errors.New("ysync: unknown kind of message")
	ErrTrailing = errors.New("ysync: bytes after the message")
)

// Read takes one message apart. The payload is a view into body. An unknown kind is
// returned together with ErrKind, so that a caller may choose to overlook it.
func Read(body []byte) (kind uint64, payload []byte, err error) {
	r := lib0.NewReader(body)
	if kind, err = r.Uvarint(); err != nil {
		return 0, nil, fmt.Errorf("ysync: kind: %w", err)
	}
	if kind > Update {
		return kind, nil, ErrKind
	}
	if payload, err = r.VarBytes(); err != nil {
		return kind, nil, fmt.Errorf("ysync: payload: %w", err)
	}
	if r.Len() > 0 {
		return kind, nil, ErrTrailing
	}
	return kind, payload, nil
}

// AppendStep1 appends a step 1 that carries an encoded state vector.
func AppendStep1(dst, sv []byte) []byte { return lib0.AppendVarBytes(append(dst, Step1), sv) }

// AppendStep2 appends a step 2 that carries a V1 update.
func AppendStep2(dst, update []byte) []byte { return lib0.AppendVarBytes(append(dst, Step2), update) }

// AppendUpdate appends an update message that carries a V1 update.
func AppendUpdate(dst, update []byte) []byte { return lib0.AppendVarBytes(append(dst, Update), update) }
