package crdt

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestLawSearchMarkers checks that with search markers a position is found where a walk
// from the front finds it, whatever local edits and updates come between.
func TestLawSearchMarkers(t *testing.T) {
	first, cases := rand.Uint64(), uint64(8)
	if thin {
		cases = 2
	}
	for seed := first; seed < first+cases; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0))
		d, peer := New(Options{ClientID: 2}), New(Options{ClientID: 1})
		must := func(u []byte, err error) []byte {
			t.Helper()
			if err != nil && err != ErrHalfPair {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return u
		}
		root := func() string { return []string{"t", "u"}[rng.IntN(5)/4] }
		edit := func(d *Doc) []byte {
			return must(d.Transact(func(tx *Tx) error {
				text := d.Text(root())
				n := text.Length()
				at := rng.IntN(n + 1)
				switch rng.IntN(12) {
				case 0, 1:
					return text.Delete(tx, at, min(n-at, 1+rng.IntN(4)))
				case 2:
					return text.Format(tx, at, min(n-at, 1+rng.IntN(30)), Attributes{"b": []any{true, nil}[rng.IntN(2)]})
				case 3:
					return text.InsertWith(tx, at, "with", Attributes{"i": rng.IntN(3)})
				case 4:
					return text.InsertEmbed(tx, at, NewText("nested"), nil)
				case 5:
					return text.ApplyDelta(tx, Delta{{Retain: 1 + at}, {Insert: "delta"}})
				case 6:
					return d.Array(root()).Push(tx, 1, 2)
				}
				return text.Insert(tx, at, []string{"x", "yz", "😀"}[rng.IntN(3)])
			}))
		}
		most := 0
		for i := range 1500 {
			edit(d)
			switch {
			case rng.IntN(50) == 0:
				must(nil, second2(peer.ApplyUpdate(d.EncodeStateAsUpdate(peer.StateVector()))))
				for range rng.IntN(5) {
					if u := edit(peer); u != nil {
						must(nil, second2(d.ApplyUpdate(u)))
					}
				}
			case rng.IntN(100) == 0:
				d.Transact(func(tx *Tx) error { d.Text("t").Insert(tx, 0, "regret"); return ErrOp }) //nolint:errcheck // ErrOp
			}
			if i < 200 {
				continue
			}
			for _, root := range []string{"t", "u"} {
				tt := d.store.findRoot(root)
				index := rng.IntN(d.Length(root) + 1)
				with, n, err := d.locate(tt, index)
				kept := d.markers
				if list := kept.find(tt); list != nil {
					most = max(most, len(list.at))
				}
				d.markers = searchMarkers{}
				walked, n2, err2 := d.locate(tt, index)
				d.markers = kept
				if err != nil || err2 != nil || n != n2 || with.left != walked.left || with.right != walked.right ||
					with.index != walked.index || fmt.Sprint(with.marks.attributes()) != fmt.Sprint(walked.marks.attributes()) {
					t.Fatalf("seed %d, edit %d, index %d of %d: %v+%d %v, a walk finds %v+%d %v", seed, i, index,
						d.Length(root), with, n, err, walked, n2, err2)
				}
				p, err := d.PositionAt(root, index, 0)
				place, ok := d.ResolvePosition(p)
				d.markers = searchMarkers{}
				walkedP, err2 := d.PositionAt(root, index, 0)
				d.markers = searchMarkers{}
				walkedPlace, _ := d.ResolvePosition(p)
				d.markers = kept
				if err != nil || err2 != nil || !ok || !p.Equal(walkedP) || place.Index != index || walkedPlace.Index != index {
					t.Fatalf("seed %d, edit %d, index %d: %v %v at %d, a walk finds %v at %d", seed, i, index, p, err,
						place.Index, walkedP, walkedPlace.Index)
				}
			}
		}
		if most < 4 {
			t.Errorf("seed %d: never more than %d search markers", seed, most)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func second2(_ bool, err error) error { return err }

// TestSearchMarkersInObservers checks that an observer of an update finds positions in the
// document as it is after the update.
func TestSearchMarkersInObservers(t *testing.T) {
	d, peer := New(Options{ClientID: 2}), New(Options{ClientID: 1})
	for range 400 { // each an item of its own
		if _, err := d.InsertText("t", 0, "x"); err != nil {
			t.Fatal(err)
		}
	}
	take(t, peer, d.EncodeStateAsUpdate(nil))
	u, err := peer.InsertText("t", 0, "at the front")
	if err != nil {
		t.Fatal(err)
	}
	last, err := d.PositionAt("t", 399, 0)
	if err != nil {
		t.Fatal(err)
	}
	if list := d.markers.find(d.store.findRoot("t")); list == nil {
		t.Fatal("no search markers")
	}
	calls := 0
	d.Observe(func(*Event) {
		calls++
		at, err := d.PositionAt("t", 411, 0)
		if place, ok := d.ResolvePosition(last); err != nil || !at.Equal(last) || !ok || place.Index != 411 {
			t.Errorf("%v, %v; %v stands at %d", at, err, last, place.Index)
		}
	})
	take(t, d, u)
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
