package crdt

import (
	"math/rand/v2"
	"testing"

	"weft/crdt/internal/codec"
)

// BenchmarkConcurrentTyping measures one keystroke if four people type in one document
// and each receives the others' edits one round late.
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

// BenchmarkMap measures one write in a document that is one big map.
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

// BenchmarkSamePlace measures 20,000 concurrent inserts at one place, whose updates
// arrive in ascending order of client ids: the most expensive order.
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

// BenchmarkBesidesPending measures one update while 10,000 ranges of deletes and 9,999
// structs of as many clients are pending, none of which depends on it.
func BenchmarkBesidesPending(b *testing.B) {
	for _, waiting := range []uint64{0, 10_000} {
		b.Run(map[bool]string{true: "nothing", false: "10000"}[waiting == 0], func(b *testing.B) {
			d := New(Options{})
			for i := range waiting {
				u := codec.AppendID([]byte{0, 1}, 9, 1)
				u = codec.AppendID(u, 1_000_000+2*i, 1)
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
					place = codec.AppendID([]byte{0x84}, 6, clock-1)
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

// BenchmarkV2 measures loading a stored document from format V2, and converting it from
// V1 to V2, which decodes one format and encodes the other.
func BenchmarkV2(b *testing.B) {
	v1, v2 := fixture(b, "b4.final.v1"), fixture(b, "b4.final.v2")
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := New(Options{}).ApplyUpdateV2(v2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("convert", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ConvertUpdateV1ToV2(v1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
