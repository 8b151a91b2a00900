package codec

import (
	"fmt"
	"slices"

	"weft/crdt/lib0"
)

// StructReader reads the structs of updates (V1), one update after another, in the order
// in which they stand, and checks each.
//
//	Open → while Next { Struct } → Close
//
// The zero value is ready for Open.
type StructReader struct {
	Struct    Struct // the struct just read: a view of the update, valid until the next call
	First     bool   // it is the first struct of its section
	Remaining int    // structs of its section that are still to come

	r        lib0.Reader
	sections int      // that are still to begin
	clock    uint64   // of the next struct
	clients  []uint64 // of all sections begun
	from     int      // offset of the first byte of Struct
	err      error
}

// Open begins to read an update.
func (s *StructReader) Open(update []byte) {
	s.r, s.clients, s.Remaining = lib0.NewReader(update), s.clients[:0], 0
	s.sections, s.err = s.r.Count(3)
}

// Next reads one struct and reports whether there was one. It skips empty sections, which
// are legal. After false, Close says whether the update was valid.
func (s *StructReader) Next() bool {
	s.First = false
	for s.Remaining == 0 && s.sections > 0 && s.err == nil {
		s.sections--
		s.First = true
		s.err = s.begin()
	}
	if s.err != nil || s.Remaining == 0 {
		return false
	}
	s.Remaining--
	s.from = s.r.Offset()
	s.err = s.Struct.Read(&s.r, s.clients[len(s.clients)-1], s.clock)
	s.clock = s.Struct.End()
	return s.err == nil
}

func (s *StructReader) begin() (err error) {
	if s.Remaining, err = s.r.Count(2); err != nil {
		return err
	}
	client, err := s.r.Uvarint()
	if err != nil {
		return err
	}
	s.clients = append(s.clients, client)
	s.clock, err = s.r.Uvarint()
	return err
}

// Raw returns the bytes of the struct just read, a view of the update.
func (s *StructReader) Raw() []byte { return s.r.Slice(s.from, s.r.Offset()) }

// Close ends the reading of structs: it skips the rest of them and appends the delete set
// at the end of the update to ds, in the order found. The error is a *PositionError.
func (s *StructReader) Close(ds DeleteSet) (DeleteSet, error) {
	for s.Next() {
	}
	if s.err == nil && HasDuplicateClient(s.clients) {
		s.err = ErrClientTwice
	}
	if s.err == nil {
		ds, s.err = ReadDeleteSet(&s.r, ds)
	}
	if s.err == nil && s.r.Len() > 0 {
		s.err = ErrTrailing
	}
	if s.err != nil {
		return ds, &PositionError{s.r.Offset(), s.err}
	}
	return ds, nil
}

// PositionError is the rule that an update breaks, and where.
type PositionError struct {
	Offset int // bytes from the start, at the fault or shortly behind it
	Rule   error
}

// Error implements error.
func (e *PositionError) Error() string { return fmt.Sprintf("byte %d: %v", e.Offset, e.Rule) }

// Unwrap returns the rule.
func (e *PositionError) Unwrap() error { return e.Rule }

// HasDuplicateClient reports whether a client occurs twice. It may sort clients.
func HasDuplicateClient(clients []uint64) bool {
	for i := 1; i < len(clients); i++ {
		if clients[i-1] <= clients[i] { // Yjs writes them descending
			slices.Sort(clients)
			return len(slices.Compact(clients)) < len(clients)
		}
	}
	return false
}
