package crdt

import (
	"math/rand/v2"
	"testing"
)

// scattered is a text of n units that were typed one by one at random places: nearly as
// many items.
func scattered(b *testing.B, n int) *Doc {
	rng := rand.New(rand.NewPCG(1, 1))
	d := New(Options{ClientID: 1})
	for i := range n {
		if _, err := d.InsertText("t", rng.IntN(i+1), "x"); err != nil {
			b.Fatal(err)
		}
	}
	return d
}

// BenchmarkLocalTyping measures one local edit, with the update that it returns, in a
// text of 100,000 units. "walked" does not use search markers: each edit finds its place
// by a scan from the start of the list.
func BenchmarkLocalTyping(b *testing.B) {
	const n = 100_000
	places := map[string]func(*rand.Rand, int) int{
		"at the end": func(_ *rand.Rand, i int) int { return n + i },
		"in a row":   func(_ *rand.Rand, i int) int { return n/2 + i },
		"at random":  func(rng *rand.Rand, i int) int { return rng.IntN(n + i) },
	}
	for _, name := range []string{"in a row", "at the end", "at random", "typing and deleting"} {
		for _, how := range []string{"found", "walked"} {
			b.Run(name+"/"+how, func(b *testing.B) {
				d, rng := scattered(b, n), rand.New(rand.NewPCG(2, 2))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if how == "walked" {
						d.markers.clear()
					}
					var err error
					if at := places[name]; at != nil {
						_, err = d.InsertText("t", at(rng, i), "y")
					} else if i%2 == 0 {
						_, err = d.InsertText("t", rng.IntN(n), "y")
					} else {
						_, err = d.DeleteText("t", rng.IntN(n), 1)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkTyped100k measures typing a text of 100,000 units, one letter at a time, at
// random places.
func BenchmarkTyped100k(b *testing.B) {
	for b.Loop() {
		scattered(b, 100_000)
	}
}

// BenchmarkTransaction measures 1,000 edits in one transaction, which make one update.
func BenchmarkTransaction(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d := New(Options{ClientID: 1})
		text, rng := d.Text("t"), rand.New(rand.NewPCG(1, 1))
		if _, err := d.Transact(func(tx *Tx) error {
			for i := range 1000 {
				if err := text.Insert(tx, rng.IntN(i+1), "x"); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
