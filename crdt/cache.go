package crdt

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
		d.cache.deletes = ds.append(make([]byte, 0, 8+6*len(ds)))
	}
	return d.cache.deletes
}
