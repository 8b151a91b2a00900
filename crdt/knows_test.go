package crdt

import (
	"math/rand/v2"
	"testing"
)

// TestKnowsMeansApplyingChangesNothing checks over random histories that Knows is true for an
// update exactly if applying it to a copy changes nothing.
func TestKnowsMeansApplyingChangesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	known, unknown := 0, 0
	for range 40 {
		author, reader := New(Options{ClientID: 1}), New(Options{ClientID: 2})
		var all [][]byte
		for range 30 {
			var u []byte
			var err error
			if n := author.Length("t"); n > 0 && rng.IntN(3) == 0 {
				u, err = author.DeleteText("t", rng.IntN(n), 1)
			} else {
				u, err = author.InsertText("t", rng.IntN(n+1), "ab")
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, u)
			if rng.IntN(2) == 0 {
				if _, err := reader.ApplyUpdate(author.EncodeStateAsUpdate(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		all = append(all, author.EncodeStateAsUpdate(nil), reader.EncodeStateAsUpdate(nil), []byte{0, 0})
		for _, u := range all {
			knows, err := reader.Knows(u)
			if err != nil {
				t.Fatal(err)
			}
			copied := New(Options{})
			if _, err := copied.ApplyUpdate(reader.EncodeStateAsUpdate(nil)); err != nil {
				t.Fatal(err)
			}
			changed, err := copied.ApplyUpdate(u)
			if err != nil {
				t.Fatal(err)
			}
			if knows == changed {
				t.Fatalf("knows %v, and applying it changes %v: %x", knows, changed, u)
			}
			if knows {
				known++
			} else {
				unknown++
			}
		}
	}
	if known == 0 || unknown == 0 {
		t.Errorf("%d known, %d unknown: the test tells nothing", known, unknown)
	}
}

func TestKnowsRefusesWhatIsMalformed(t *testing.T) {
	for _, u := range [][]byte{nil, {1}, {0, 1, 7, 1, 0}, {0, 0, 0}} {
		if _, err := New(Options{}).Knows(u); err == nil {
			t.Errorf("%x is taken", u)
		}
	}
}
