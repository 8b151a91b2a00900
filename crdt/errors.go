package crdt

import (
	"errors"
	"fmt"

	"weft/crdt/lib0"
)

// ErrMalformed is what every error about bytes that are not what they should be
// matches with errors.Is: the sender is broken or hostile, and will not do better by
// sending them again. The rules below match as well.
var ErrMalformed = errors.New("crdt: malformed bytes")

// Rules an update may break, beyond those of package lib0.
var (
	ErrTrailing      = errors.New("bytes after the end")
	ErrKind          = errors.New("unknown kind of content")
	ErrZeroLength    = errors.New("struct without units")
	ErrClock         = errors.New("clock beyond 2^32-1, or 2^53-1 where it is only spoken of")
	ErrForwardOrigin = errors.New("struct builds on one its own writer wrote later")
	ErrClientTwice   = errors.New("two sections for one client")
	ErrJSON          = errors.New("content is not JSON")
	ErrOptions       = errors.New("options of a subdocument are not an object")
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
