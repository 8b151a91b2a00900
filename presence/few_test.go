package presence

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// Law: few is a map.
func TestFewIsAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		var got few[int, int]
		want := map[int]int{}
		keys := 1 + rng.IntN(3*maxFew)
		for step := range 500 {
			if step%50 == 0 && rng.IntN(2) == 0 {
				keys = 1 + rng.IntN(3*maxFew)
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
				t.Fatalf("%d is %d, %v, want %d, %v", k, v, ok, w, there)
			}
			if got.len() != len(want) || !maps.Equal(maps.Collect(got.all()), want) {
				t.Fatalf("is %v, want %v", maps.Collect(got.all()), want)
			}
			if got.list != nil && got.many != nil || len(got.list) > maxFew || len(want) == 0 && got.list != nil {
				t.Fatalf("holds %d entries as %d and %d", len(want), len(got.list), len(got.many))
			}
		}
	}
}

func TestFewStopsWhenTold(t *testing.T) {
	for _, n := range []int{1, 3, maxFew, maxFew + 1, 1000} {
		var f few[int, struct{}]
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
			t.Errorf("of %d entries saw %d after the %dth was to be the last", n, count, (n+1)/2)
		}
	}
}
