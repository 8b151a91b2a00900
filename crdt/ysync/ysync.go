// Package ysync reads and writes the sync messages of y-protocols. A message is the part of
// a frame behind the type byte (0 in y-websocket), or behind the document name and the type
// (Hocuspocus).
//
//	message := uvarint kind, varbytes payload
//	kind    0 step 1   payload: the sender's state vector, asks for the missing updates
//	        1 step 2   payload: an update (V1), the answer to a step 1
//	        2 update   payload: an update (V1), a new change
//
// A step 1 must be answered by a step 2, even if the update in it is empty. This package
// does not validate payloads; package crdt does. Source: y-protocols 1.0, sync.js; messages
// that it encoded are in crdt/testdata/interop/yjs-vectors.json. All functions are safe to
// call concurrently.
package ysync

import (
	"errors"
	"fmt"

	"weft/crdt/lib0"
)

// Kinds of sync messages.
const (
	Step1  = 0 // carries a state vector
	Step2  = 1 // carries an update
	Update = 2 // carries an update
)

// Errors of Read, besides those of package lib0.
var (
	ErrKind     = errors.New("ysync: unknown kind of message")
	ErrTrailing = errors.New("ysync: bytes after the message")
)

// Read decodes one message, which must take all of body. The payload is a view into body.
// Errors: ErrTrailing, those of package lib0, and ErrKind, with which the unknown kind is
// returned, so that a caller may ignore messages of newer protocols.
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
