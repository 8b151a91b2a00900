package crdt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"weft/crdt"
	"weft/crdt/crdttest"
	"weft/crdt/lib0"
)

// sameBothWays applies a state to an empty document in the short way (load.go) and, since
// somebody listens, in the long one.
func sameBothWays(t *testing.T, state []byte) error {
	t.Helper()
	short, long := crdt.New(crdt.Options{}), crdt.New(crdt.Options{})
	defer long.OnUpdate(func([]byte, bool) {})()
	_, err := short.ApplyUpdate(state)
	_, want := long.ApplyUpdate(state)
	if fmt.Sprint(err) != fmt.Sprint(want) {
		t.Fatalf("%x: loaded %v, applied %v", state, err, want)
	}
	if err := short.Check(); err != nil {
		t.Fatalf("%x: %v", state, err)
	}
	if !bytes.Equal(short.EncodeStateAsUpdate(nil), long.EncodeStateAsUpdate(nil)) {
		t.Fatalf("%x: loaded and applied differ", state)
	}
	return err
}

// TestLoad promises: a state that an empty document takes in the short way makes the
// document that the long way makes, whole or damaged.
func TestLoad(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := write(t, rng, docs, net)
		net.Heal()
		state, err := crdt.MergeUpdates(updates...) // no neighbours merged, nothing collected
		if err != nil {
			t.Fatal(err)
		}
		if err := sameBothWays(t, state); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 {
			state = docs[0].EncodeStateAsUpdate(nil)
		}
		if err := sameBothWays(t, state); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			bad := bytes.Clone(state)
			for range 1 + rng.IntN(2) {
				i := rng.IntN(len(bad))
				bad[i] = []byte{bad[i] ^ byte(1<<rng.IntN(8)), bad[i] + 1, bad[i] - 1, byte(rng.Uint32())}[rng.IntN(4)]
			}
			sameBothWays(t, bad)
		}
	})
}

// TestLoadKnowsItsClocks promises: an origin beyond the clocks that there can be is waited
// for, not taken for another one.
func TestLoadKnowsItsClocks(t *testing.T) {
	text := lib0.AppendVarBytes([]byte{4, 1, 1, 't'}, bytes.Repeat([]byte("abcdefgh"), 50))
	for _, place := range [][]byte{{0x84}, {0x44}, {4, 0}} {
		place = lib0.AppendUvarint(append(place, 1), 1<<32+3)
		state := append([]byte{2, 1, 2, 0}, append(place, 1, 'x')...)
		state = append(append(append(state, 1, 1, 0), text...), 0)
		if err := sameBothWays(t, state); err != nil {
			t.Fatal(err)
		}
		d := crdt.New(crdt.Options{})
		if _, err := d.ApplyUpdate(state); err != nil || !d.HasPending() || d.Length("t") != 400 {
			t.Errorf("%x: %v, %d units", place, err, d.Length("t"))
		}
	}
}
