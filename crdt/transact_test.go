package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"weft/crdt"
	"weft/crdt/crdttest"
	"weft/crdt/lib0"
)

var errRegret = errors.New("regret")

// trace is all that a document shows of itself.
func trace(t *testing.T, d *crdt.Doc) string {
	t.Helper()
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	b, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	delta := fmt.Sprint(d.Text(crdttest.Text).Delta())
	return fmt.Sprintf("%x %x %v %v %s %s", d.EncodeStateAsUpdate(nil), d.EncodeStateVector(), d.StateVector(), d.Roots(), b, delta)
}

// TestLawRollback checks that a transaction that returns an error or panics leaves the
// document unchanged, and that later edits give the same updates as in a document that
// never had the transaction.
func TestLawRollback(t *testing.T) {
	laws(t, 80, func(t *testing.T, rng *rand.Rand) {
		id := rng.Uint64N(1 << 50)
		keep := rng.IntN(3) == 0
		d := crdt.New(crdt.Options{ClientID: id, KeepDeleted: keep})
		twin := crdt.New(crdt.Options{ClientID: id, KeepDeleted: keep})
		other := crdt.New(crdt.Options{ClientID: id + 1})
		for range 30 {
			if rng.IntN(3) == 0 {
				u := crdttest.Edit(t, rng, other)
				for _, d := range []*crdt.Doc{d, twin} {
					if _, err := d.ApplyUpdate(u); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := trace(t, d)
			panics := rng.IntN(2) == 0
			func() {
				defer func() {
					if r := recover(); r != nil && r != any(errRegret) {
						panic(r)
					}
				}()
				_, err := d.Transact(func(tx *crdt.Tx) error {
					for range 1 + rng.IntN(4) {
						if err := crdttest.Edits(tx, rng, d); err != nil {
							t.Error(err)
						}
					}
					if panics {
						panic(errRegret)
					}
					return errRegret
				})
				if err != errRegret {
					t.Errorf("%v", err)
				}
			}()
			if after := trace(t, d); after != before {
				t.Fatalf("undone, but\n%s\nis now\n%s", before, after)
			}
			seed := rng.Uint64()
			a := crdttest.Edit(t, rand.New(rand.NewPCG(seed, 0)), d)
			b := crdttest.Edit(t, rand.New(rand.NewPCG(seed, 0)), twin)
			if !bytes.Equal(a, b) || trace(t, d) != trace(t, twin) {
				t.Fatalf("later edits give %x, without the transaction %x", a, b)
			}
			if err := crdt.ValidateUpdate(a); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(3) == 0 {
				if _, err := other.ApplyUpdate(d.EncodeStateAsUpdate(other.StateVector())); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestOneUpdate checks that a transaction makes one update of all its edits, which brings
// a peer to the same state, and that each edit sees the edits before it.
func TestOneUpdate(t *testing.T) {
	d, peer := crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{})
	update, err := d.Transact(func(tx *crdt.Tx) error {
		text := d.Text("t")
		err := errors.Join(
			text.Insert(tx, 0, "Hello"),
			text.InsertWith(tx, 5, " world", crdt.Attributes{"bold": true}),
			d.Map("m").Set(tx, "list", crdt.NewArray{1, crdt.NewText("x")}),
		)
		list, _ := d.Map("m").Get("list")
		inner, _ := list.(crdt.Array).Get(1)
		return errors.Join(err, inner.(crdt.Text).Insert(tx, 1, "y"), text.Delete(tx, 0, 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.ApplyUpdate(update); err != nil {
		t.Fatal(err)
	}
	crdttest.Converge(t, d, peer)
	want := `{"m":{"list":[1,"xy"]},"t":"ello world"}`
	if b, err := peer.JSON(); err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	nothing, err := d.Transact(func(*crdt.Tx) error { return nil })
	if err != nil || !bytes.Equal(nothing, []byte{0, 0}) {
		t.Errorf("no edits: %x, %v", nothing, err)
	}
}

// TestRefusedEdits checks that an invalid edit is refused with the right error and changes
// nothing, while the other edits of the transaction are kept.
func TestRefusedEdits(t *testing.T) {
	d := crdt.New(crdt.Options{ClientID: 1})
	text, list, m, xml := d.Text("t"), d.Array("a"), d.Map("m"), d.XML("x")
	deep := any("x")
	for range lib0.MaxDepth + 1 {
		deep = []any{deep}
	}
	nested := any(crdt.NewArray{})
	for range lib0.MaxDepth + 1 {
		nested = crdt.NewArray{nested}
	}
	_, err := d.Transact(func(tx *crdt.Tx) error {
		if err := errors.Join(text.Insert(tx, 0, "a😀b"), list.Push(tx, 1, 2, 3), m.Set(tx, "gone", crdt.NewText("x"))); err != nil {
			return err
		}
		v, _ := m.Get("gone")
		gone := v.(crdt.Text)
		if err := m.Delete(tx, "gone"); err != nil {
			return err
		}
		if gone.Exists() || gone.String() != "" || gone.Length() != 0 {
			t.Errorf("a deleted text still holds %q", gone)
		}
		before := fmt.Sprint(text.Delta(), list.Values(), m.Keys(), xml)
		for i, c := range []struct {
			err, want error
		}{
			{text.Insert(tx, 2, "x"), crdt.ErrHalfPair},
			{text.InsertWith(tx, 2, "x", nil), crdt.ErrHalfPair},
			{text.InsertEmbed(tx, 2, map[string]any{}, nil), crdt.ErrHalfPair},
			{text.Delete(tx, 0, 2), crdt.ErrHalfPair},
			{text.Delete(tx, 2, 1), crdt.ErrHalfPair},
			{text.Format(tx, 2, 2, crdt.Attributes{"b": 1}), crdt.ErrHalfPair},
			{text.Format(tx, 0, 2, crdt.Attributes{"b": 1}), crdt.ErrHalfPair},
			{text.ApplyDelta(tx, crdt.Delta{{Insert: "x"}, {Retain: 2}}), crdt.ErrHalfPair},
			{text.Insert(tx, 5, "x"), crdt.ErrRange},
			{text.Insert(tx, 5, ""), crdt.ErrRange},
			{text.Insert(tx, -1, "x"), crdt.ErrRange},
			{text.Delete(tx, 3, 2), crdt.ErrRange},
			{text.Delete(tx, 3, -1), crdt.ErrRange},
			{text.Delete(tx, 1, math.MaxInt), crdt.ErrRange},
			{text.Format(tx, 3, 2, nil), crdt.ErrRange},
			{text.ApplyDelta(tx, crdt.Delta{{Insert: "x"}, {Retain: 1}, {Delete: 4}}), crdt.ErrRange},
			{text.ApplyDelta(tx, crdt.Delta{{Insert: "x"}, {Retain: -1}}), crdt.ErrRange},
			{text.ApplyDelta(tx, crdt.Delta{{Retain: math.MaxInt}}), crdt.ErrTooLarge},
			{text.ApplyDelta(tx, crdt.Delta{{Insert: "x", Retain: 1}}), crdt.ErrOp},
			{text.ApplyDelta(tx, crdt.Delta{{}}), crdt.ErrOp},
			{text.Insert(tx, 0, "\xff"), crdt.ErrUTF8},
			{text.InsertWith(tx, 0, "x", crdt.Attributes{"\xff": 1}), crdt.ErrUTF8},
			{text.InsertWith(tx, 0, "x", crdt.Attributes{"b": "\xff"}), crdt.ErrUTF8},
			{text.InsertWith(tx, 0, "x", crdt.Attributes{"b": []byte("x")}), crdt.ErrValue},
			{text.InsertWith(tx, 0, "x", crdt.Attributes{"b": deep}), lib0.ErrDepth},
			{text.InsertEmbed(tx, 0, "x", nil), crdt.ErrValue},
			{text.InsertEmbed(tx, 0, struct{}{}, nil), crdt.ErrValue},
			{list.Insert(tx, 4, 1), crdt.ErrRange},
			{list.Insert(tx, 0, 1, struct{}{}), nil}, // lib0 says which type
			{list.Insert(tx, 0, "\xff"), crdt.ErrUTF8},
			{list.Insert(tx, 0, map[string]any{"k": []any{"\xff"}}), crdt.ErrUTF8},
			{list.Insert(tx, 0, crdt.NewText("\xff")), crdt.ErrUTF8},
			{list.Insert(tx, 0, crdt.NewMap{"\xff": 1}), crdt.ErrUTF8},
			{list.Push(tx, deep), lib0.ErrDepth},
			{list.Push(tx, nested), lib0.ErrDepth},
			{list.Push(tx, crdt.Subdoc{GUID: "g", Options: map[string]any{"meta": deep}}), lib0.ErrDepth},
			{list.Delete(tx, 2, 2), crdt.ErrRange},
			{m.Set(tx, "\xff", 1), crdt.ErrUTF8},
			{m.Set(tx, "k", deep), lib0.ErrDepth},
			{d.Map("\xff").Set(tx, "k", 1), crdt.ErrUTF8},
			{xml.Insert(tx, 0, "text"), crdt.ErrValue},
			{xml.Insert(tx, 0, crdt.NewXMLElement{Name: "\xff"}), crdt.ErrUTF8},
			{xml.Insert(tx, 0, crdt.NewXMLElement{Name: "p", Children: []any{1}}), crdt.ErrValue},
			{xml.Delete(tx, 0, 1), crdt.ErrRange},
			{gone.Insert(tx, 0, "x"), crdt.ErrGone},
			{crdt.New(crdt.Options{}).Text("t").Insert(tx, 0, "x"), crdt.ErrClosed},
			{text.Insert(nil, 0, "x"), crdt.ErrClosed},
		} {
			if c.err == nil || c.want != nil && !errors.Is(c.err, c.want) {
				t.Errorf("edit %d: %v, want %v", i, c.err, c.want)
			}
		}
		if after := fmt.Sprint(text.Delta(), list.Values(), m.Keys(), xml); after != before {
			t.Errorf("refused edits changed the document:\n%s\n%s", before, after)
		}
		_, err := d.Transact(func(*crdt.Tx) error { return nil })
		if !errors.Is(err, crdt.ErrBusy) {
			t.Errorf("transaction within a transaction: %v", err)
		}
		if _, err := d.ApplyUpdate([]byte{0, 0}); !errors.Is(err, crdt.ErrBusy) {
			t.Errorf("update within a transaction: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(text, list, m, strings.Join(d.Roots(), " ")); got != "a😀b [1,2,3] {}t a m" {
		t.Errorf("%s", got)
	}
	var late *crdt.Tx
	if _, err := d.Transact(func(tx *crdt.Tx) error { late = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := text.Insert(late, 0, "x"); !errors.Is(err, crdt.ErrClosed) {
		t.Errorf("after the transaction: %v", err)
	}
	stranger := crdt.New(crdt.Options{ClientID: 1 << 53})
	if _, err := stranger.InsertText("t", 0, "x"); !errors.Is(err, crdt.ErrClient) {
		t.Errorf("client id 2^53: %v", err)
	}
}

// TestObservers checks that each change is reported once, to the observers registered at
// the time, and that they can read but not change the document.
func TestObservers(t *testing.T) {
	d, peer := crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{ClientID: 2})
	var told []string
	stop := d.Observe(func(e *crdt.Event) {
		for _, c := range e.Changes {
			told = append(told, fmt.Sprint(e.Local, c.Path, c.TextDelta()))
		}
		if _, err := d.InsertText("t", 0, "x"); !errors.Is(err, crdt.ErrBusy) {
			t.Errorf("edit by an observer: %v", err)
		}
		if _, err := d.ApplyUpdate([]byte{0, 0}); !errors.Is(err, crdt.ErrBusy) {
			t.Errorf("update by an observer: %v", err)
		}
	})
	var log [][]byte
	stopLog := d.OnUpdate(func(u []byte, local bool) {
		log = append(log, u)
		if _, err := d.InsertText("t", 0, "x"); !errors.Is(err, crdt.ErrBusy) {
			t.Errorf("edit by a listener: %v", err)
		}
	})
	u, err := d.InsertText("t", 0, "ab")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.ApplyUpdate(u); err != nil {
		t.Fatal(err)
	}
	u, err = peer.DeleteText("t", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it changes nothing
		if _, err := d.ApplyUpdate(u); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Transact(func(tx *crdt.Tx) error { d.Text("t").Insert(tx, 0, "x"); return errRegret }); err != errRegret {
		t.Fatal(err)
	}
	if got := fmt.Sprint(told); got != "[true [t] [{ab 0 0 map[]}] false [t] [{<nil> 0 1 map[]}]]" {
		t.Errorf("reported %s", got)
	}
	fresh := crdt.New(crdt.Options{})
	for _, u := range log {
		if _, err := fresh.ApplyUpdate(u); err != nil {
			t.Fatal(err)
		}
	}
	crdttest.Converge(t, d, fresh)
	stop()
	stopLog()
	panics := d.Observe(func(*crdt.Event) { panic(errRegret) })
	for _, change := range []func(){
		func() { d.InsertText("t", 1, "c") },
		func() { d.ApplyUpdate([]byte{1, 1, 3, 0, 4, 1, 1, 't', 1, 'd', 0}) },
	} {
		func() {
			defer func() {
				if r := recover(); r != any(errRegret) {
					t.Errorf("the panic of an observer became %v", r)
				}
			}()
			change()
		}()
		if err := d.Check(); err != nil {
			t.Error(err)
		}
	}
	panics()
	if got := d.Text("t").String(); len(got) != 3 {
		t.Errorf("after panics of observers: %q", got)
	}
	if _, err := d.InsertText("t", 0, "x"); err != nil || len(told) != 2 || len(log) != 2 {
		t.Errorf("reported after stop: %v, %d updates, %v", told, len(log), err)
	}
}

// FuzzEdits checks that after any edits documents pass Check, that peers accept the
// updates, and that all documents converge.
func FuzzEdits(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, uint8(20))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		for range n {
			i := rng.IntN(len(docs))
			var told []byte
			stop := docs[i].OnUpdate(func(u []byte, _ bool) { told = u })
			u := crdttest.Edit(t, rng, docs[i])
			stop()
			if err := crdt.ValidateUpdate(u); err != nil {
				t.Fatal(err)
			}
			if told != nil && !bytes.Equal(u, told) {
				t.Fatalf("returned %x, reported %x", u, told)
			}
			if err := docs[i].Check(); err != nil {
				t.Fatal(err)
			}
			net.Send(i, u)
			net.Deliver()
		}
		net.Heal()
		crdttest.Converge(t, docs...)
	})
}
