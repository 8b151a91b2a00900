package crdt

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
		var set, all deleteSet
		in := map[ID]bool{}
		for range 200 {
			var more deleteSet
			for range 1 + rng.IntN(3) {
				more = append(more, deletion{rng.Uint64N(3), rng.Uint64N(300), 1 + rng.Uint64N(4)})
			}
			more = more.normalise()
			known := true
			for _, d := range more {
				for clock := d.clock; clock < d.end(); clock++ {
					known = known && in[ID{d.client, clock}]
					in[ID{d.client, clock}] = true
				}
			}
			if set.containsAll(more) != known {
				t.Fatalf("seed %d: %v covers %v: %v", seed, set, more, !known)
			}
			all = append(all, more...)
			set = set.insert(more)
			if !set.containsAll(more) || !slices.Equal(set, slices.Clone(all).normalise()) {
				t.Fatalf("seed %d: %v with %v", seed, set, more)
			}
		}
	}
}

// BenchmarkBesidesPending: what does an update cost while 10,000 ranges of deletes and
// 9,999 structs of as many clients wait, none of them for it?
func BenchmarkBesidesPending(b *testing.B) {
	for _, waiting := range []uint64{0, 10_000} {
		b.Run(map[bool]string{true: "nothing", false: "10000"}[waiting == 0], func(b *testing.B) {
			d := New(Options{})
			for i := range waiting {
				u := appendID([]byte{0, 1}, 9, 1)
				u = appendID(u, 1_000_000+2*i, 1)
				if i < MaxPendingStructs-1 {
					u = append(text([]byte{1}, 1000+i, 0, 0x84, 5, 7), u[1:]...)
				}
				if _, err := d.ApplyUpdate(u); err != nil {
					b.Fatal(err)
				}
			}
			clock := uint64(0)
			for b.Loop() {
				place := []byte{4, 1, 1, 't'}
				if clock > 0 {
					place = appendID([]byte{0x84}, 6, clock-1)
				}
				u := text([]byte{1}, 6, clock, place...)
				clock++
				if _, err := d.ApplyUpdate(append(u, 1, 6, 1, byte(clock-1)&0x7f|0x80, byte((clock-1)>>7)&0x7f|0x80, byte((clock-1)>>14), 1)); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.Check(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
