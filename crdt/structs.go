package crdt

import (
	"slices"

	"weft/crdt/lib0"
)

// structReader reads and validates the structs of an update (V1) one after another, in the
// order of the bytes. open starts the next update, so that one reader serves many.
type structReader struct {
	r            lib0.Reader
	sectionsLeft int      // still to begin
	structsLeft  int      // structs of this section still to come
	clock        uint64   // of the next struct
	clients      []uint64 // of all sections begun

	w     wire // the struct just read, a view of the update
	from  int  // offset of its first byte
	first bool // it is the first of its section
	err   error
}

func (s *structReader) open(update []byte) {
	s.r, s.clients, s.structsLeft = lib0.NewReader(update), s.clients[:0], 0
	s.sectionsLeft, s.err = s.r.Count(3)
}

// next reads the next struct into s.w, and returns false at the end or after an error.
// Sections without structs, which are valid, are skipped.
func (s *structReader) next() bool {
	s.first = false
	for s.structsLeft == 0 && s.sectionsLeft > 0 && s.err == nil {
		s.sectionsLeft--
		s.first = true
		s.err = s.begin()
	}
	if s.err != nil || s.structsLeft == 0 {
		return false
	}
	s.structsLeft--
	s.from = s.r.Offset()
	s.err = s.w.read(&s.r, s.clients[len(s.clients)-1], s.clock)
	s.clock = s.w.end()
	return s.err == nil
}

func (s *structReader) begin() (err error) {
	if s.structsLeft, err = s.r.Count(2); err != nil {
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

// raw returns the bytes of the struct just read, as a view.
func (s *structReader) raw() []byte { return s.r.Slice(s.from, s.r.Offset()) }

// close reads the remaining structs and the delete set, whose ranges it appends to ds. It
// returns the first error found in the update, as a MalformedError.
func (s *structReader) close(ds deleteSet) (deleteSet, error) {
	for s.next() {
	}
	if s.err == nil && hasDuplicateClient(s.clients) {
		s.err = ErrClientTwice
	}
	if s.err == nil {
		ds, s.err = readDeletes(&s.r, ds)
	}
	if s.err == nil && s.r.Len() > 0 {
		s.err = ErrTrailing
	}
	if s.err != nil {
		return ds, &MalformedError{"update", s.r.Offset(), s.err}
	}
	return ds, nil
}

// hasDuplicateClient reports whether a client occurs twice. It may sort clients.
func hasDuplicateClient(clients []uint64) bool {
	for i := 1; i < len(clients); i++ {
		if clients[i-1] <= clients[i] { // Yjs writes them descending
			slices.Sort(clients)
			return len(slices.Compact(clients)) < len(clients)
		}
	}
	return false
}
