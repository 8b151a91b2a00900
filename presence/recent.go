package presence

// recent is a map of bounded size: putting one too many forgets the entry that
// was used longest ago.
type recent[K comparable, V any] struct {
	max   int
	byKey map[K]*entry[K, V]
	// ring is between the newest and the oldest entry. The links are the entries' own,
	// as container/list allocates 48 bytes more for each.
	ring entry[K, V]
}

type entry[K comparable, V any] struct {
	key          K
	value        V
	older, newer *entry[K, V]
}

func newRecent[K comparable, V any](max int) *recent[K, V] {
	r := &recent[K, V]{max: max, byKey: map[K]*entry[K, V]{}}
	r.ring.older, r.ring.newer = &r.ring, &r.ring
	return r
}

func (r *recent[K, V]) get(k K) (v V, ok bool) {
	e := r.byKey[k]
	if e == nil {
		return v, false
	}
	e.unlink()
	r.link(e)
	return e.value, true
}

func (r *recent[K, V]) put(k K, v V) {
	e := r.byKey[k]
	if e != nil {
		e.unlink()
	} else {
		if len(r.byKey) == r.max {
			r.forget(r.ring.newer.key)
		}
		e = &entry[K, V]{key: k}
		r.byKey[k] = e
	}
	e.value = v
	r.link(e)
}

func (r *recent[K, V]) forget(k K) {
	if e := r.byKey[k]; e != nil {
		e.unlink()
		delete(r.byKey, k)
	}
}

// link makes it the newest.
func (r *recent[K, V]) link(e *entry[K, V]) {
	e.older, e.newer = r.ring.older, &r.ring
	e.older.newer, e.newer.older = e, e
}

func (e *entry[K, V]) unlink() { e.older.newer, e.newer.older = e.newer, e.older }
