package crdt

// Knows tells whether the document has all that an update (V1) says, so that applying
// it would change nothing, whatever is pending. It takes no part of it in: a server
// tells by it a reader who only repeats from one who writes. Errors match
// ErrMalformed.
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

// hasDeleted tells whether all units of a range are there and deleted.
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
