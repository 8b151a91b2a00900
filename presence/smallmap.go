package presence

import "iter"

// smallMap is a map that is mostly used with one or two entries. It stores up to
// maxPairs entries in a slice, and more in a Go map, which takes about 250 bytes for
// its first entry. The package comment says what that saves. The zero value is
// empty. It must not change while it is ranged over. Not safe for concurrent use.
type smallMap[K comparable, V any] struct {
	pairs []pair[K, V] // all entries, if large is nil
	large map[K]V      // all entries, if not nil
}

// maxPairs bounds the linear search: comparing eight strings takes about twice as
// long as hashing one, comparing four about as long.
const maxPairs = 8

type pair[K comparable, V any] struct {
	value V // first, because Go pads a struct whose last field is empty
	key   K
}

func (m *smallMap[K, V]) len() int { return len(m.pairs) + len(m.large) }

func (m *smallMap[K, V]) find(k K) int {
	for i := range m.pairs {
		if m.pairs[i].key == k {
			return i
		}
	}
	return -1
}

func (m *smallMap[K, V]) get(k K) (v V, ok bool) {
	if m.large != nil {
		v, ok = m.large[k]
		return v, ok
	}
	if i := m.find(k); i >= 0 {
		return m.pairs[i].value, true
	}
	return v, false
}

func (m *smallMap[K, V]) put(k K, v V) {
	if m.large != nil {
		m.large[k] = v
		return
	}
	if i := m.find(k); i >= 0 {
		m.pairs[i].value = v
		return
	}
	if len(m.pairs) < maxPairs {
		m.pairs = append(m.pairs, pair[K, V]{v, k})
		return
	}
	m.large = make(map[K]V, maxPairs+1)
	for _, p := range m.pairs {
		m.large[p.key] = p.value
	}
	m.large[k] = v
	m.pairs = nil
}

func (m *smallMap[K, V]) delete(k K) {
	if m.large != nil {
		delete(m.large, k)
		// At half the bound, so that an entry that is added and removed again and
		// again does not convert the map each time.
		if len(m.large) <= maxPairs/2 {
			for k, v := range m.large {
				m.pairs = append(m.pairs, pair[K, V]{v, k})
			}
			m.large = nil
		}
		return
	}
	i := m.find(k)
	if i < 0 {
		return
	}
	last := len(m.pairs) - 1
	m.pairs[i] = m.pairs[last]
	m.pairs[last] = pair[K, V]{}
	m.pairs = m.pairs[:last]
	if last == 0 {
		m.pairs = nil
	}
}

// all iterates over the entries in no particular order.
func (m *smallMap[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, p := range m.pairs {
			if !yield(p.key, p.value) {
				return
			}
		}
		for k, v := range m.large {
			if !yield(k, v) {
				return
			}
		}
	}
}
