package crdt

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkConcurrentTyping: what does a keystroke cost when four people type in one
// document, each a round behind the others?
func BenchmarkConcurrentTyping(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	authors := make([]*Doc, 4)
	for i := range authors {
		authors[i] = New(Options{ClientID: uint64(i + 1)})
	}
	var updates [][]byte
	for range 2_500 {
		var round [][]byte
		for _, a := range authors {
			u, err := a.InsertText("t", rng.IntN(a.Length("t")+1), "x")
			if err != nil {
				b.Fatal(err)
			}
			round = append(round, u)
		}
		for _, a := range authors {
			for _, u := range round {
				a.ApplyUpdate(u) //nolint:errcheck // made here
			}
		}
		updates = append(updates, round...)
	}
	applyAll(b, updates)
}

// BenchmarkMap: what does a write cost in a document that is one big map?
func BenchmarkMap(b *testing.B) {
	author := New(Options{ClientID: 1})
	var updates [][]byte
	for i := range 10_000 {
		u, err := author.SetMap("m", string(rune('a'+i*7919%5000)), i)
		if err != nil {
			b.Fatal(err)
		}
		updates = append(updates, u)
	}
	applyAll(b, updates)
}

// BenchmarkSamePlace: 20,000 writers insert at one place, each without knowing of the
// others, and arrive lowest id first: the costly order.
func BenchmarkSamePlace(b *testing.B) {
	var updates [][]byte
	for i := range uint64(20_000) {
		updates = append(updates, append(text([]byte{1}, i+1, 0, 4, 1, 1, 't'), 0))
	}
	applyAll(b, updates)
}

func applyAll(b *testing.B, updates [][]byte) {
	b.ReportAllocs()
	for b.Loop() {
		d := New(Options{})
		for _, u := range updates {
			d.ApplyUpdate(u) //nolint:errcheck // made by the caller
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(updates)), "ns/update")
}
