package crdt

import (
	"errors"
	"fmt"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
	"weft/crdt/internal/v2"
	"weft/crdt/lib0"
)

// ErrMalformed is what every error about bytes that are not what they should be
// matches with errors.Is: the sender is broken or hostile, and will not do better by
// sending them again. The rules below match as well.
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

// Refusals that are not the update's shape.
var (
	// ErrPendingFull refuses an update that would leave more waiting for what it
	// builds on than MaxPendingBytes, MaxPendingStructs or MaxPendingDeletes. It is
	// worth sending again once the missing updates have come.
	ErrPendingFull = errors.New("crdt: too much is waiting for updates that have not come")
	// ErrTooLarge refuses an update that would push a document's content past 1 GiB, or its
	// writers past 16 million.
	ErrTooLarge = errors.New("crdt: document too large")
	// ErrTooCostly refuses an update whose merging would take too long: no editor makes
	// such ones. The sender is hostile, or has been away for years.
	ErrTooCostly = errors.New("crdt: update takes too much work to merge")
	// ErrSubdocuments refuses an update that would make more subdocuments live than
	// LimitSubdocuments allows, those counted that wait for other updates. One that brings
	// no more than it deletes is taken.
	ErrSubdocuments = errors.New("crdt: too many subdocuments")
	// ErrRange refuses an edit at an index outside the list.
	ErrRange = errors.New("crdt: index out of range")
	// ErrOp refuses an operation of a delta that does not say exactly one thing.
	ErrOp = errors.New("crdt: an operation is an insert, a retain or a delete")
	// ErrHalfPair refuses an edit that would cut a surrogate pair.
	ErrHalfPair = errors.New("crdt: index inside a surrogate pair")
	// ErrUTF8 refuses a string that is not valid UTF-8.
	ErrUTF8 = lib0.ErrUTF8
	// ErrTooDeep refuses to export types nested more than MaxExportDepth levels.
	ErrTooDeep = errors.New("crdt: types nested too deeply to export")
)

// MalformedError says where the bytes stopped making sense and which rule they
// broke. It matches ErrMalformed and the rule.
type MalformedError struct {
	What   string // "update", "state vector"
	Offset int    // bytes from the start, at or a little after the fault
	Rule   error
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("crdt: malformed %s: byte %d: %v", e.What, e.Offset, e.Rule)
}

func (e *MalformedError) Unwrap() []error { return []error{ErrMalformed, e.Rule} }

// malformed turns an error of package codec into a MalformedError; nil stays nil.
func malformed(what string, err error) error {
	var at *codec.PositionError
	if errors.As(err, &at) {
		return &MalformedError{what, at.Offset, at.Rule}
	}
	return err
}
