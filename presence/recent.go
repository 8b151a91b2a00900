package presence

import "container/list"

// recent is a map of bounded size: putting one too many forgets the entry that
// was used longest ago.
type recent[K comparable, V any] struct {
	max   int
	byKey map[K]*list.Element // of *entry[K, V]
	order *list.List          // most recently used first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](max int) *recent[K, V] {
	return &recent[K, V]{max: max, byKey: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(k K) (v V, ok bool) {
	e := r.byKey[k]
	if e == nil {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

func (r *recent[K, V]) put(k K, v V) {
	if e := r.byKey[k]; e != nil {
		e.Value.(*entry[K, V]).value = v
		r.order.MoveToFront(e)
		return
	}
	r.byKey[k] = r.order.PushFront(&entry[K, V]{k, v})
	if r.order.Len() > r.max {
		oldest := r.order.Remove(r.order.Back()).(*entry[K, V])
		delete(r.byKey, oldest.key)
	}
}
