package codec

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDeleteSetGrows promises: ranges that are added one by one make the set that they
// make together, and a set covers what was added to it and nothing else.
func TestDeleteSetGrows(t *testing.T) {
	first := rand.Uint64()
	for i := range uint64(50) {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		var set, all DeleteSet
		in := map[ID]bool{}
		for range 200 {
			var more DeleteSet
			for range 1 + rng.IntN(3) {
				more = append(more, DeleteRange{rng.Uint64N(3), rng.Uint64N(300), 1 + rng.Uint64N(4)})
			}
			more = more.Normalise()
			known := true
			for _, d := range more {
				for clock := d.Clock; clock < d.End(); clock++ {
					known = known && in[ID{d.Client, clock}]
					in[ID{d.Client, clock}] = true
				}
			}
			if set.ContainsAll(more) != known {
				t.Fatalf("seed %d: %v covers %v: %v", seed, set, more, !known)
			}
			all = append(all, more...)
			set = set.Insert(more)
			if !set.ContainsAll(more) || !slices.Equal(set, slices.Clone(all).Normalise()) {
				t.Fatalf("seed %d: %v with %v", seed, set, more)
			}
		}
	}
}
