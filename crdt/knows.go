package crdt

// Knows reports whether the document contains all structs and deletes of an update (V1), so
// that applying it would change nothing. Pending structs do not count as contained. It does
// not change the document. A server uses it to let read-only clients send updates that
// repeat known content, and to refuse others. Errors match ErrMalformed.
func (d *Doc) Knows(update []byte) (bool, error) {
	var s structReader
	s.open(update)
	known := true
	for s.next() {
		known = known && (s.w.kind == kindSkip || s.w.end() <= d.store.state(s.w.client))
	}
	deletes, err := s.close(nil)
	if err != nil {
		return false, err
	}
	for _, del := range deletes {
		known = known && d.store.hasDeleted(del)
	}
	return known, nil
}

// hasDeleted reports whether all units of a range are in the document and deleted.
func (s *store) hasDeleted(d deletion) bool {
	c, ok := s.findClient(d.client)
	if !ok || d.end() > uint64(s.clients[c].state) {
		return false
	}
	log := &s.clients[c]
	for p := s.search(log, uint32(d.clock)); ; p = log.after(p) {
		r := log.at(p)
		if r == 0 || uint64(s.items[r].clock) >= d.end() {
			return true
		}
		if !s.items[r].deleted() {
			return false
		}
	}
}
