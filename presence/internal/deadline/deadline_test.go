package deadline

import (
	"math/rand/v2"
	"testing"
	"time"
)

type item struct {
	Entry
	name int
}

// Law: the heap returns items as a list that is sorted by deadline would, however
// deadlines are set, moved and removed.
func TestHeapKeepsTheEarliestFirst(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	start := time.Unix(1_800_000_000, 0)
	for range 50 {
		var h Heap[*item]
		items := make([]*item, 20)
		for i := range items {
			items[i] = &item{name: i}
		}
		want := map[*item]time.Time{}
		for range 300 {
			it := items[random.IntN(len(items))]
			switch random.IntN(4) {
			case 0:
				h.Remove(it)
				delete(want, it)
			default:
				at := start.Add(time.Duration(random.IntN(1000)) * time.Second)
				h.Set(it, at)
				want[it] = at
			}
			check(t, &h, items, want)
		}
		for h.Len() > 0 {
			first, _, _ := h.First()
			h.Remove(first)
			delete(want, first)
			check(t, &h, items, want)
		}
	}
}

func check(t *testing.T, h *Heap[*item], items []*item, want map[*item]time.Time) {
	t.Helper()
	if h.Len() != len(want) {
		t.Fatalf("the heap has %d items, want %d", h.Len(), len(want))
	}
	var earliest time.Time
	for _, it := range items {
		at, ok := h.At(it)
		if wantAt, wantOK := want[it]; ok != wantOK || !at.Equal(wantAt) {
			t.Fatalf("deadline of item %d is %v, %v, want %v, %v", it.name, at, ok, wantAt, wantOK)
		}
		if ok && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	}
	if _, at, ok := h.First(); ok != (len(want) > 0) || !at.Equal(earliest) {
		t.Fatalf("the first deadline is %v, %v, want %v", at, ok, earliest)
	}
}
