package presence

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// Law: after any sequence of changes a smallMap has the entries that a Go map has.
func TestSmallMapHasTheEntriesOfAGoMap(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		var got smallMap[int, int]
		want := map[int]int{}
		keys := 1 + rng.IntN(3*maxPairs)
		for step := range 500 {
			if step%50 == 0 && rng.IntN(2) == 0 {
				keys = 1 + rng.IntN(3*maxPairs)
			}
			k := rng.IntN(keys)
			if rng.IntN(2) == 0 {
				got.put(k, step)
				want[k] = step
			} else {
				got.delete(k)
				delete(want, k)
			}
			k = rng.IntN(keys)
			v, ok := got.get(k)
			if w, there := want[k]; v != w || ok != there {
				t.Fatalf("get(%d) = %d, %v, want %d, %v", k, v, ok, w, there)
			}
			if got.len() != len(want) || !maps.Equal(maps.Collect(got.all()), want) {
				t.Fatalf("entries are %v, want %v", maps.Collect(got.all()), want)
			}
			if got.pairs != nil && got.large != nil || len(got.pairs) > maxPairs || len(want) == 0 && got.pairs != nil {
				t.Fatalf("%d entries are stored as %d pairs and a map of %d", len(want), len(got.pairs), len(got.large))
			}
		}
	}
}

func TestSmallMapIterationStopsAtBreak(t *testing.T) {
	for _, n := range []int{1, 3, maxPairs, maxPairs + 1, 1000} {
		var f smallMap[int, struct{}]
		for i := range n {
			f.put(i, struct{}{})
		}
		count := 0
		for range f.all() {
			if count++; count == (n+1)/2 {
				break
			}
		}
		if count != (n+1)/2 {
			t.Errorf("of %d entries the loop saw %d, want %d before the break", n, count, (n+1)/2)
		}
	}
}
