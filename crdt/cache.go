package crdt

import "weft/crdt/internal/codec"

// cache keeps encoded forms of the document until it changes.
type cache struct {
	state   []byte // the encoded full state; nil if not cached
	size    int    // bytes of the last full state, or an estimate: a capacity hint
	deletes []byte // the encoded delete set; nil if not cached
	loaded  bool   // see AsLoaded
}

// invalidate drops the cached forms that a change made stale. deleted says whether the
// change deleted anything.
func (c *cache) invalidate(deleted bool) {
	c.state, c.loaded = nil, false
	if deleted {
		c.deletes = nil
	}
}

// encodedDeletes returns the encoded delete set of the document, without pending deletes.
func (d *Doc) encodedDeletes() []byte {
	if d.cache.deletes == nil {
		ds := d.store.appendStoredDeletes(nil)
		d.cache.deletes = ds.Append(make([]byte, 0, 8+6*len(ds)))
	}
	return d.cache.deletes
}

// appendStoredDeletes appends the delete set of all deleted items of the store to ds, in
// normal form.
func (s *store) appendStoredDeletes(ds codec.DeleteSet) codec.DeleteSet {
	for _, c := range s.byID() {
		log := &s.clients[c]
		first := len(ds)
		for k := int32(0); int(k) <= len(log.full); k++ {
			for _, r := range log.chunk(k) {
				it := &s.items[r]
				if !it.deleted() {
					continue
				}
				if n := len(ds); n > first && ds[n-1].End() == uint64(it.clock) {
					ds[n-1].Length += uint64(it.length)
				} else {
					ds = append(ds, codec.DeleteRange{Client: log.id, Clock: uint64(it.clock), Length: uint64(it.length)})
				}
			}
		}
	}
	return ds
}
