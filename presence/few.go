package presence

import "iter"

// few is a map for many owners that mostly have an entry or two: a Go map takes
// some 250 bytes for its first. The zero value is empty. It must not change while
// it is ranged over.
type few[K comparable, V any] struct {
	list []pair[K, V] // all, while they are at most maxFew
	many map[K]V      // all else, or nil
}

// Scanning eight strings takes about twice as long as hashing one, four as long.
const maxFew = 8

type pair[K comparable, V any] struct {
	value V // first, as an empty struct at the end would take eight bytes
	key   K
}

func (f *few[K, V]) len() int { return len(f.list) + len(f.many) }

func (f *few[K, V]) find(k K) int {
	for i := range f.list {
		if f.list[i].key == k {
			return i
		}
	}
	return -1
}

func (f *few[K, V]) get(k K) (v V, ok bool) {
	if f.many != nil {
		v, ok = f.many[k]
		return v, ok
	}
	if i := f.find(k); i >= 0 {
		return f.list[i].value, true
	}
	return v, false
}

func (f *few[K, V]) put(k K, v V) {
	if f.many != nil {
		f.many[k] = v
		return
	}
	if i := f.find(k); i >= 0 {
		f.list[i].value = v
		return
	}
	if len(f.list) < maxFew {
		f.list = append(f.list, pair[K, V]{v, k})
		return
	}
	f.many = make(map[K]V, maxFew+1)
	for _, p := range f.list {
		f.many[p.key] = p.value
	}
	f.many[k] = v
	f.list = nil
}

func (f *few[K, V]) delete(k K) {
	if f.many != nil {
		delete(f.many, k)
		// Half, so that one that comes and goes does not turn it each time.
		if len(f.many) <= maxFew/2 {
			for k, v := range f.many {
				f.list = append(f.list, pair[K, V]{v, k})
			}
			f.many = nil
		}
		return
	}
	i := f.find(k)
	if i < 0 {
		return
	}
	last := len(f.list) - 1
	f.list[i] = f.list[last]
	f.list[last] = pair[K, V]{}
	f.list = f.list[:last]
	if last == 0 {
		f.list = nil
	}
}

// all is in no order.
func (f *few[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, p := range f.list {
			if !yield(p.key, p.value) {
				return
			}
		}
		for k, v := range f.many {
			if !yield(k, v) {
				return
			}
		}
	}
}
