package crdt_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"weft/crdt"
	"weft/crdt/crdttest"
	"weft/crdt/lib0"
)

// sameBothWays applies a state to two empty documents: by load (load.go), and in the
// general way, because the second document has a listener.
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

// TestLoad checks that load gives the same document as the general way, for whole states
// and for damaged ones.
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
		asLoaded(t, state)
		encoded := docs[0].EncodeStateAsUpdate(nil)
		if err := sameBothWays(t, encoded); err != nil {
			t.Fatal(err)
		}
		if !asLoaded(t, encoded) && len(encoded) >= 256 {
			t.Error("AsLoaded is false for what a document encoded")
		}
		if rng.IntN(2) == 0 {
			state = encoded
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

// asLoaded loads a state. It checks that if AsLoaded is true, the state is equivalent to
// the encoding of the document, and that AsLoaded is false after any change.
func asLoaded(t *testing.T, state []byte) bool {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: 9})
	if _, err := d.ApplyStored(state); err != nil {
		t.Fatal(err)
	}
	if !d.AsLoaded() {
		return false
	}
	sameEffect(t, state, d)
	if changed, err := d.ApplyUpdate(state); err != nil || changed || !d.AsLoaded() {
		t.Errorf("applied once more: changed %v, %v; want false", changed, err)
	}
	for name, change := range map[string]func(*crdt.Doc) error{
		"an edit": func(d *crdt.Doc) error {
			_, err := d.InsertText("t", 0, "x")
			return err
		},
		"structs that wait": func(d *crdt.Doc) error {
			_, err := d.ApplyUpdate([]byte{1, 1, 77, 5, 4, 1, 1, 't', 1, 'x', 0})
			return err
		},
		"deletes that wait": func(d *crdt.Doc) error {
			_, err := d.ApplyUpdate([]byte{0, 1, 77, 1, 3, 1})
			return err
		},
	} {
		d := crdt.New(crdt.Options{ClientID: 9})
		if _, err := d.ApplyStored(state); err != nil || !d.AsLoaded() {
			t.Fatal(err)
		}
		if err := change(d); err != nil || d.AsLoaded() {
			t.Errorf("AsLoaded is true after %s (%v)", name, err)
		}
	}
	return true
}

// sameEffect fails unless applying a state has the same effect as applying the encoding of
// the document: at once or by the parts of SplitUpdate, also if deleted content is kept.
func sameEffect(t *testing.T, state []byte, want *crdt.Doc) {
	t.Helper()
	encoded := want.EncodeStateAsUpdate(nil)
	if had, has := crdt.StructsIn(state), crdt.StructsIn(encoded); had > has {
		t.Errorf("%x: has %d structs, the encoding of the document has %d", state, had, has)
	}
	parts, err := crdt.SplitUpdate(state, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, updates := range [][][]byte{{state}, parts} {
		for _, keep := range []bool{false, true} {
			d := crdt.New(crdt.Options{KeepDeleted: keep})
			stop := d.OnUpdate(func([]byte, bool) {}) // not in the short way
			for _, u := range updates {
				if _, err := d.ApplyUpdate(u); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			if !maps.Equal(d.StateVector(), want.StateVector()) || !bytes.Equal(d.EncodeStateAsUpdate(nil), encoded) {
				t.Errorf("%x: in %d parts, deleted content kept: %v: another document", state, len(updates), keep)
			}
		}
	}
}

// TestCutAndMergedIsAsLoaded checks that AsLoaded is true for a state of which one struct
// is split, even within a surrogate pair, and two are merged, although the encoding of the
// document then has other bytes.
func TestCutAndMergedIsAsLoaded(t *testing.T) {
	for _, long := range []string{strings.Repeat("text", 100), "x" + strings.Repeat("😀", 100)} {
		state := []byte{3, 1, 3, 0, 0xc4, 1, 7, 1, 8, 1, 'y'} // by 3, in the middle of what 1 wrote
		state = append(state, 2, 2, 0, 4, 1, 1, 'u', 1, 'a', 0x84, 2, 0, 1, 'b')
		state = append(lib0.AppendVarString(append(state, 1, 1, 0, 4, 1, 1, 't'), long), 0)
		if !asLoaded(t, state) {
			t.Error("AsLoaded is false")
		}
		d := crdt.New(crdt.Options{})
		if _, err := d.ApplyUpdate(state); err != nil || bytes.Equal(d.EncodeStateAsUpdate(nil), state) {
			t.Errorf("no struct was split or merged (%v)", err)
		}
	}
}

// TestInsertedIsAsLoaded checks that AsLoaded, where it is true, holds for states without
// deletes of which many structs are split and merged, and for states with pending deletes.
func TestInsertedIsAsLoaded(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := [][]byte{{0, 1, 78, 1, 3, 1}}[:rng.IntN(2)] // of client 78, whom nobody knows
		for range 30 + rng.IntN(30) {
			i := rng.IntN(len(docs))
			update, err := docs[i].InsertText("t", rng.IntN(docs[i].Length("t")+1), strings.Repeat("long", rng.IntN(4))+"x")
			if err != nil {
				t.Fatal(err)
			}
			updates = append(updates, update)
			net.Send(i, update)
			for rng.IntN(3) > 0 && net.Deliver() {
			}
		}
		state, err := crdt.MergeUpdates(updates...)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameBothWays(t, state); err != nil {
			t.Fatal(err)
		}
		asLoaded(t, state)
	})
}

// TestLoadKnowsItsClocks checks that an origin above the highest clock makes a struct
// pending, and is not mistaken for the origin with the same low 32 bits.
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

// TestTypedIsNotAsLoaded checks that AsLoaded is false for keystrokes that were sent one
// by one and are merged to one item.
func TestTypedIsNotAsLoaded(t *testing.T) {
	author, loaded := crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{})
	var keys [][]byte
	for i := range 100 {
		u, err := author.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, u)
	}
	all, err := crdt.MergeUpdates(keys...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.ApplyUpdate(all); err != nil || loaded.AsLoaded() {
		t.Errorf("AsLoaded is true for %d bytes that encode to %d (%v)", len(all), len(loaded.EncodeStateAsUpdate(nil)), err)
	}
}
