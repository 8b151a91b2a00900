package crdt

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"weft/crdt/internal/codec"
	"weft/crdt/internal/oracle"
	"weft/crdt/lib0"
)

// TestSiblings checks that sibling indexes do not change the order of items. Hundreds of
// clients insert at one place without knowing of one another. Some go on behind their own
// items, some insert elsewhere, some have applied updates of others. All orders of
// delivery must give the text of the naive list.
func TestSiblings(t *testing.T) {
	first := rand.Uint64()
	cases, indexed := uint64(20), 0
	if thin {
		cases = 4
	}
	for i := range cases {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		base := New(Options{ClientID: rng.Uint64N(1000)})
		start, err := base.InsertText("t", 0, "abcd")
		if err != nil {
			t.Fatal(err)
		}
		updates := [][]byte{start}
		place := []int{0, 2, 4}[rng.IntN(3)] // at the front, between two units, at the end
		odd := rng.IntN(3)                   // how often writers do not keep to the one place
		for range 100 + rng.IntN(200) {
			writer := New(Options{ClientID: rng.Uint64N(maxClock)})
			take(t, writer, start)
			for rng.IntN(8) < odd { // others' updates, in their order
				take(t, writer, updates[rng.IntN(len(updates))])
			}
			at := min(place, writer.Length("t"))
			if rng.IntN(8) < odd {
				at = rng.IntN(writer.Length("t") + 1)
			}
			for n := range 1 + rng.IntN(3) {
				u, err := writer.InsertText("t", min(at+n, writer.Length("t")), string(rune('A'+rng.IntN(26))))
				if err != nil {
					t.Fatal(err)
				}
				updates = append(updates, u)
			}
			if rng.IntN(8) < odd {
				u, err := writer.DeleteText("t", rng.IntN(writer.Length("t")), 1)
				if err != nil {
					t.Fatal(err)
				}
				updates = append(updates, u)
			}
		}
		var list oracle.List
		for _, u := range updates {
			feed(t, &list, u)
		}
		want := string(utf16.Decode(list.Visible()))
		var state []byte
		for order := range 4 {
			d := New(Options{})
			for n, u := range updates {
				take(t, d, u)
				if n%16 == 0 && len(d.store.siblings.list) > 0 {
					indexed++
				}
			}
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d, order %d: %v", seed, order, err)
			}
			if got := d.Text("t"); got.String() != want {
				t.Fatalf("seed %d, order %d: %q, oracle %q", seed, order, got, want)
			}
			if got := d.EncodeStateAsUpdate(nil); order == 0 {
				state = got
			} else if !bytes.Equal(got, state) {
				t.Fatalf("seed %d, order %d: bytes differ from those of order 0", seed, order)
			}
			rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		}
	}
	if indexed == 0 {
		t.Error("no case built an index")
	}
}

func take(t *testing.T, d *Doc, update []byte) {
	t.Helper()
	if _, err := d.ApplyUpdate(update); err != nil {
		t.Fatal(err)
	}
}

// TestRollback checks that an update which is refused as too costly leaves the document
// unchanged, whatever it has done until then: items split, values replaced, roots added,
// pending structs integrated.
func TestRollback(t *testing.T) {
	first, refused := rand.Uint64(), 0
	for i := range uint64(200) {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		docs := []*Doc{New(Options{ClientID: 7}), New(Options{ClientID: 1 + rng.Uint64N(1<<40)})}
		var updates [][]byte
		for range 40 {
			d := docs[rng.IntN(2)]
			var u []byte
			var err error
			switch n := d.Length("t"); {
			case rng.IntN(4) == 0:
				u, err = d.SetMap("m", string(rune('a'+rng.IntN(3))), rng.IntN(100))
			case n > 4 && rng.IntN(3) == 0:
				u, err = d.DeleteText("t", rng.IntN(n-3), 3)
			default:
				u, err = d.InsertText("t", rng.IntN(n+1), "abcdefgh"[:1+rng.IntN(8)])
			}
			if err != nil {
				t.Fatal(err)
			}
			updates = append(updates, u)
			if rng.IntN(2) == 0 {
				take(t, docs[rng.IntN(2)], updates[rng.IntN(len(updates))])
			}
		}
		rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		d := New(Options{KeepDeleted: rng.IntN(2) == 0})
		known := rng.IntN(len(updates))
		for _, u := range updates[:known] {
			take(t, d, u)
		}
		before, sv := d.EncodeStateAsUpdate(nil), d.EncodeStateVector()
		rest, err := MergeUpdates(updates[known:]...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = d.apply(rest, rng.IntN(30)); err == nil {
			continue // cheap enough
		}
		if refused++; err != ErrTooCostly {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !bytes.Equal(d.EncodeStateAsUpdate(nil), before) || !bytes.Equal(d.EncodeStateVector(), sv) {
			t.Fatalf("seed %d: refused, but the document changed", seed)
		}
		take(t, d, rest)
		all := New(Options{KeepDeleted: d.keepDeleted})
		for _, u := range updates {
			take(t, all, u)
		}
		if !bytes.Equal(d.EncodeStateAsUpdate(nil), all.EncodeStateAsUpdate(nil)) {
			t.Fatalf("seed %d: later updates have another effect after the refusal", seed)
		}
	}
	if refused == 0 {
		t.Error("no update was refused")
	}
}

// TestRefusedIsNotAsLoaded checks that AsLoaded is false after a rollback, which loads the
// document from bytes of its own.
func TestRefusedIsNotAsLoaded(t *testing.T) {
	a, b := New(Options{ClientID: 1}), New(Options{ClientID: 2})
	if _, err := a.InsertText("t", 0, strings.Repeat("text", 100)); err != nil {
		t.Fatal(err)
	}
	d, state := New(Options{}), a.EncodeStateAsUpdate(nil)
	if _, err := b.ApplyUpdate(state); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ApplyUpdate(state); err != nil || !d.AsLoaded() {
		t.Fatalf("AsLoaded is false (%v)", err)
	}
	for _, doc := range []*Doc{a, b} {
		if _, err := doc.InsertText("t", 5, "x"); err != nil {
			t.Fatal(err)
		}
	}
	take(t, d, a.EncodeStateAsUpdate(nil))
	if _, err := d.apply(b.EncodeStateAsUpdate(nil), 0); err != ErrTooCostly || d.AsLoaded() {
		t.Errorf("AsLoaded is true after a change and a refusal (%v)", err)
	}
}

// TestSiblingsAnywhere checks the same as TestSiblings for hostile clients, whose origins
// and right origins are any two units, most of them from a few favourites.
func TestSiblingsAnywhere(t *testing.T) {
	first := rand.Uint64()
	cases, indexed := uint64(200), 0
	if thin {
		cases /= 10
	}
	for i := range cases {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		var updates [][]byte
		var units []ID
		write := func(client, clock uint64, info byte, place []byte, text string) {
			u := append(codec.AppendID([]byte{1, 1}, client, clock), info)
			u = lib0.AppendVarString(append(u, place...), text)
			updates = append(updates, append(u, 0))
			for i := range text {
				units = append(units, ID{client, clock + uint64(i)})
			}
		}
		write(50, 0, 4, []byte{1, 1, 't'}, "abcdefghijklmnop")
		unit := func() *ID {
			if n := rng.IntN(len(units) + 1); n < len(units) {
				return &units[n]
			}
			return nil
		}
		type pair struct{ left, right *ID }
		pairs := make([]pair, 1+rng.IntN(4))
		for i := range pairs {
			pairs[i] = pair{unit(), unit()}
		}
		clocks := map[uint64]uint64{50: 16}
		odd := 1 + rng.IntN(20)
		for range 200 + rng.IntN(300) {
			client, p := rng.Uint64N(1000), pairs[rng.IntN(len(pairs))]
			if rng.IntN(odd) == 0 {
				p = pair{unit(), unit()}
			}
			if n := len(units); odd > 10 && rng.IntN(4) == 0 { // goes on behind somebody
				p = pair{&units[n-1-rng.IntN(min(n, 20))], nil}
			}
			if p.left != nil && p.left.Client == client || p.right != nil && p.right.Client == client {
				continue
			}
			info, place := byte(4), []byte{1, 1, 't'}
			if p.left != nil || p.right != nil {
				place = nil
			}
			if p.left != nil {
				info, place = info|0x80, codec.AppendID(place, p.left.Client, p.left.Clock)
			}
			if p.right != nil {
				info, place = info|0x40, codec.AppendID(place, p.right.Client, p.right.Clock)
			}
			text := "xyz"[:1+rng.IntN(3)]
			write(client, clocks[client], info, place, text)
			clocks[client] += uint64(len(text))
		}
		for order := range 2 {
			d, plain := New(Options{}), New(Options{})
			plain.store.siblings.delay = 1 << 30
			for n, u := range updates {
				take(t, d, u)
				take(t, plain, u)
				if n%16 == 0 && len(d.store.siblings.list) > 0 {
					indexed++
				}
			}
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d, order %d: %v", seed, order, err)
			}
			if got, want := d.Text("t").String(), plain.Text("t").String(); got != want {
				t.Fatalf("seed %d, order %d: %q, without an index %q", seed, order, got, want)
			}
			if !bytes.Equal(d.EncodeStateAsUpdate(nil), plain.EncodeStateAsUpdate(nil)) {
				t.Fatalf("seed %d, order %d: bytes differ from those without an index", seed, order)
			}
			rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		}
	}
	if indexed == 0 {
		t.Error("no case built an index")
	}
}
