package crdt

import (
	"errors"
	"fmt"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
	"weft/crdt/internal/v2"
	"weft/crdt/lib0"
)

// ErrMalformed matches, with errors.Is, every error about bytes that are not a valid
// encoding: the sender is broken or hostile, and sending them again is useless. The error
// is a MalformedError and also matches one of the rules below.
var ErrMalformed = errors.New("crdt: malformed bytes")

// The rules that an update may break, beyond those of package lib0. They match
// ErrMalformed as part of a MalformedError.
var (
	// ErrTrailing: there are bytes after the end.
	ErrTrailing = codec.ErrTrailing
	// ErrKind: a struct has an unknown kind of content.
	ErrKind = codec.ErrKind
	// ErrZeroLength: a struct has no units.
	ErrZeroLength = codec.ErrZeroLength
	// ErrClock: the clock of a unit exceeds 2^32-1, or a clock in a state vector, delete
	// set or Skip exceeds 2^53-1.
	ErrClock = codec.ErrClock
	// ErrForwardOrigin: a struct depends on a later struct of its own client.
	ErrForwardOrigin = codec.ErrForwardOrigin
	// ErrClientTwice: an update has two sections for one client.
	ErrClientTwice = codec.ErrClientTwice
	// ErrJSON: content is not JSON, or has a value that JSON cannot express.
	ErrJSON = jsvalue.ErrJSON
	// ErrOptions: the options of a subdocument are not an object.
	ErrOptions = codec.ErrOptions
	// ErrFeature: an update V2 uses a feature that is not known.
	ErrFeature = v2.ErrFeature
	// ErrTooDense: an update V2 stands for far more structs than its bytes justify.
	ErrTooDense = v2.ErrTooDense
)

// Refusals of valid updates and of edits.
var (
	// ErrPendingFull refuses an update after which more would be pending than
	// MaxPendingBytes, MaxPendingStructs or MaxPendingDeletes allow. The sender may send
	// it again once the missing updates have arrived.
	ErrPendingFull = errors.New("crdt: too many structs and deletes pending: send the missing updates first")
	// ErrTooLarge refuses an update or edit after which the document's content could exceed
	// 1 GiB, or its number of clients 16 million.
	ErrTooLarge = errors.New("crdt: document too large")
	// ErrTooCostly refuses an update whose integration takes more than some 0.7 s. Editors
	// do not make such updates: the sender is hostile, or was offline for years.
	ErrTooCostly = errors.New("crdt: update takes too much work to merge")
	// ErrSubdocuments refuses an update after which more subdocuments would be live than
	// LimitSubdocuments allows, pending ones included. An update that adds no more than it
	// deletes is accepted.
	ErrSubdocuments = errors.New("crdt: too many subdocuments")
	// ErrRange refuses an edit at an index outside the list.
	ErrRange = errors.New("crdt: index out of range")
	// ErrOp refuses an operation of a delta that is not exactly one of insert, retain and
	// delete.
	ErrOp = errors.New("crdt: an operation is an insert, a retain or a delete")
	// ErrHalfPair refuses an edit at an index that would split a surrogate pair.
	ErrHalfPair = errors.New("crdt: index inside a surrogate pair")
	// ErrUTF8 refuses a string that is not valid UTF-8.
	ErrUTF8 = lib0.ErrUTF8
	// ErrTooDeep refuses to export types that are nested more than MaxExportDepth levels.
	ErrTooDeep = errors.New("crdt: types nested too deeply to export")
)

// MalformedError says which rule some bytes break, and where. It matches ErrMalformed and
// the rule.
type MalformedError struct {
	What   string // what the bytes should be: "update", "update V2", "state vector", …
	Offset int    // bytes from the start, at the fault or shortly behind it
	Rule   error
}

// Error names the kind of bytes, the offset and the rule.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("crdt: malformed %s: byte %d: %v", e.What, e.Offset, e.Rule)
}

// Unwrap returns ErrMalformed and the rule.
func (e *MalformedError) Unwrap() []error { return []error{ErrMalformed, e.Rule} }

// malformed turns an error of package codec into a MalformedError; nil stays nil.
func malformed(what string, err error) error {
	var at *codec.PositionError
	if errors.As(err, &at) {
		return &MalformedError{what, at.Offset, at.Rule}
	}
	return err
}
