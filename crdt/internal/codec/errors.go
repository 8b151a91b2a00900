package codec

import "errors"

// The rules that an update may break, beyond those of packages lib0 and jsvalue.
// Package crdt exports them under the same names and explains them there.
var (
	ErrTrailing      = errors.New("bytes after the end")
	ErrKind          = errors.New("unknown kind of content")
	ErrZeroLength    = errors.New("struct of zero length")
	ErrClock         = errors.New("clock above 2^32-1, or above 2^53-1 in a state vector, delete set or Skip")
	ErrForwardOrigin = errors.New("struct depends on a later struct of its own client")
	ErrClientTwice   = errors.New("two sections for one client")
	ErrOptions       = errors.New("options of a subdocument are not an object")
)
