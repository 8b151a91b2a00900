package crdt

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/oracle"
)

// TestOracle checks that a text equals that of the naive list in package oracle, for
// writers who concurrently type and delete runs at random places.
func TestOracle(t *testing.T) {
	first := rand.Uint64()
	cases := uint64(300)
	if thin {
		cases = 30
	}
	for i := range cases {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		docs := make([]*Doc, 3)
		for c := range docs {
			docs[c] = New(Options{ClientID: rng.Uint64N(maxClock)})
		}
		var list oracle.List
		var updates [][]byte
		seen := make([]int, len(docs)) // how many updates each has taken
		for range 80 {
			c := rng.IntN(len(docs))
			for ; rng.IntN(4) > 0 && seen[c] < len(updates); seen[c]++ {
				if _, err := docs[c].ApplyUpdate(updates[seen[c]]); err != nil {
					t.Fatal(err)
				}
			}
			var update []byte
			var err error
			if n := docs[c].Length("t"); rng.IntN(3) > 0 || n == 0 {
				update, err = docs[c].InsertText("t", rng.IntN(n+1), "abcdefgh"[:1+rng.IntN(8)])
			} else {
				at := rng.IntN(n)
				update, err = docs[c].DeleteText("t", at, min(1+rng.IntN(5), n-at))
			}
			if err != nil {
				t.Fatal(err)
			}
			updates = append(updates, update)
			feed(t, &list, update)
		}
		want := string(utf16.Decode(list.Visible()))
		for c, d := range docs {
			for _, u := range updates[seen[c]:] {
				if _, err := d.ApplyUpdate(u); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.Text("t").String(); got != want {
				t.Fatalf("seed %d: %q, oracle %q", seed, got, want)
			}
		}
	}
}

// feed gives the oracle an update unit by unit.
func feed(t *testing.T, list *oracle.List, update []byte) {
	var u parsedUpdate
	if err := u.parse(update); err != nil {
		t.Fatal(err)
	}
	var w codec.Struct
	for i := range u.sources {
		s := &u.sources[i]
		for {
			size, ok := s.peek(&w)
			if !ok {
				break
			}
			s.advance(w.Length, size)
			for n, value := range utf16.Encode([]rune(string(w.Content))) {
				unit := oracle.Unit{ID: oracle.ID{Client: w.Client, Clock: w.Clock + uint64(n)}, Value: value}
				switch {
				case n > 0:
					unit.Origin = &oracle.ID{Client: w.Client, Clock: w.Clock + uint64(n) - 1}
				case w.HasOrigin():
					unit.Origin = &oracle.ID{Client: w.Origin.Client, Clock: w.Origin.Clock}
				}
				if w.HasRightOrigin() {
					unit.Right = &oracle.ID{Client: w.RightOrigin.Client, Clock: w.RightOrigin.Clock}
				}
				list.Insert(unit)
			}
		}
	}
	for _, d := range slices.Backward(u.deletes) {
		for n := range d.Length {
			list.Delete(oracle.ID{Client: d.Client, Clock: d.Clock + n})
		}
	}
}
