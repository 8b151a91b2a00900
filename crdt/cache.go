package crdt

// cache keeps what was encoded until the document changes.
type cache struct {
	state   []byte // the full state; nil if it must be made
	size    int    // of the full state when it was made last, or about that
	deletes []byte // the delete set; nil if it must be made
	loaded  bool   // AsLoaded
}

// changed forgets what no longer holds.
func (c *cache) invalidate(deleted bool) {
	c.state, c.loaded = nil, false
	if deleted {
		c.deletes = nil
	}
}

// encodedDeletes is the delete set of everything known.
func (d *Doc) encodedDeletes() []byte {
	if d.cache.deletes == nil {
		ds := d.store.appendStoredDeletes(nil)
		d.cache.deletes = ds.append(make([]byte, 0, 8+6*len(ds)))
	}
	return d.cache.deletes
}
