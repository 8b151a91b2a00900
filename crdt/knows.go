package crdt

import "weft/crdt/internal/codec"

// Knows reports whether the document contains all structs and deletes of an update (V1), so
// that applying it would change nothing. Pending structs do not count as contained. It does
// not change the document. A server uses it to let read-only clients send updates that
// repeat known content, and to refuse others. Errors match ErrMalformed.
func (d *Doc) Knows(update []byte) (bool, error) {
	var s codec.StructReader
	s.Open(update)
	known := true
	for s.Next() {
		known = known && (s.Struct.Kind == kindSkip || s.Struct.End() <= d.store.state(s.Struct.Client))
	}
	deletes, err := s.Close(nil)
	if err != nil {
		return false, malformed("update", err)
	}
	for _, del := range deletes {
		known = known && d.store.hasDeleted(del)
	}
	return known, nil
}

// hasDeleted reports whether all units of a range are in the document and deleted.
func (s *store) hasDeleted(d codec.DeleteRange) bool {
	c, ok := s.findClient(d.Client)
	if !ok || d.End() > uint64(s.clients[c].state) {
		return false
	}
	log := &s.clients[c]
	for p := s.search(log, uint32(d.Clock)); ; p = log.next(p) {
		r := log.at(p)
		if r == 0 || uint64(s.items[r].clock) >= d.End() {
			return true
		}
		if !s.items[r].deleted() {
			return false
		}
	}
}
