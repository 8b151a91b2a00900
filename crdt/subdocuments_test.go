package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"weft/crdt"
	"weft/crdt/crdttest"
)

// bounded is a document that takes so many subdocuments.
func bounded(id uint64, most int) *crdt.Doc {
	d := crdt.New(crdt.Options{ClientID: id})
	d.LimitSubdocuments(most)
	return d
}

// edited is the update of one transaction.
func edited(t *testing.T, d *crdt.Doc, edit func(tx *crdt.Tx) error) []byte {
	t.Helper()
	u, err := d.Transact(edit)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// pushed is an update that brings so many subdocuments.
func pushed(t *testing.T, d *crdt.Doc, n int) []byte {
	t.Helper()
	return edited(t, d, func(tx *crdt.Tx) error {
		for range n {
			if err := d.Array("folder").Push(tx, crdt.Subdoc{GUID: "a subdocument"}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestSubdocumentsAreBounded checks that a document accepts subdocuments up to its limit
// and not one more, in either format, one by one or all at once; that a refused update
// leaves the document unchanged; and that other updates are accepted at the limit.
func TestSubdocumentsAreBounded(t *testing.T) {
	const most = 50
	for name, apply := range map[string]func(d *crdt.Doc, u []byte) error{
		"V1": func(d *crdt.Doc, u []byte) error { _, err := d.ApplyUpdate(u); return err },
		"V2": func(d *crdt.Doc, u []byte) error {
			v2, err := crdt.ConvertUpdateV1ToV2(u)
			if err == nil {
				_, err = d.ApplyUpdateV2(v2)
			}
			return err
		},
	} {
		for _, step := range []int{1, most} {
			t.Run(fmt.Sprint(name, " by ", step), func(t *testing.T) {
				writer := crdt.New(crdt.Options{ClientID: 1})
				d := bounded(2, most)
				for n := 0; n < most; n += step {
					if err := apply(d, pushed(t, writer, step)); err != nil {
						t.Fatalf("%d more than %d: %v", step, n, err)
					}
				}
				if n := d.Stats().Subdocs; n != most {
					t.Errorf("%d are counted", n)
				}
				before := trace(t, d)
				other := crdt.New(crdt.Options{ClientID: 3})
				if err := apply(d, pushed(t, other, 1)); !errors.Is(err, crdt.ErrSubdocuments) {
					t.Errorf("one more: %v", err)
				}
				fresh := bounded(0, most-1)
				if err := apply(fresh, writer.EncodeStateAsUpdate(nil)); !errors.Is(err, crdt.ErrSubdocuments) || len(fresh.StateVector()) > 0 {
					t.Errorf("all at once into an empty document: %v", err)
				}
				if after := trace(t, d); after != before {
					t.Error("the refused update changed the document")
				}
				for what, u := range map[string][]byte{
					"what is known": writer.EncodeStateAsUpdate(nil),
					"a text": edited(t, writer, func(tx *crdt.Tx) error {
						return writer.Text("t").Insert(tx, 0, "text")
					}),
					"one in place of another": edited(t, writer, func(tx *crdt.Tx) error {
						if err := writer.Array("folder").Delete(tx, 3, 1); err != nil {
							return err
						}
						return writer.Array("folder").Push(tx, crdt.Subdoc{GUID: "another"})
					}),
					"one that is deleted again": edited(t, writer, func(tx *crdt.Tx) error {
						if err := writer.Array("folder").Push(tx, crdt.Subdoc{GUID: "another"}); err != nil {
							return err
						}
						return writer.Array("folder").Delete(tx, most, 1)
					}),
				} {
					if err := apply(d, u); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				if n := d.Stats().Subdocs; n != most {
					t.Errorf("%d are counted", n)
				}
			})
		}
	}
}

// TestStoredSubdocumentsAreLoaded checks that a stored document is loaded again even if
// the limit is lower by then; such a document only accepts no further subdocuments.
func TestStoredSubdocumentsAreLoaded(t *testing.T) {
	writer := crdt.New(crdt.Options{ClientID: 1})
	pushed(t, writer, 30)
	for name, load := range map[string]func(d *crdt.Doc) error{
		"V1": func(d *crdt.Doc) error { _, err := d.ApplyStored(writer.EncodeStateAsUpdate(nil)); return err },
		"V2": func(d *crdt.Doc) error { _, err := d.ApplyStoredV2(writer.EncodeStateAsUpdateV2(nil)); return err },
		"a record at a time": func(d *crdt.Doc) error {
			copied := crdt.New(crdt.Options{ClientID: 9})
			for range 30 {
				if _, err := d.ApplyStored(pushed(t, copied, 1)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		d := bounded(2, 10)
		if err := load(d); err != nil || d.Stats().Subdocs != 30 {
			t.Errorf("%s: %d are loaded, %v", name, d.Stats().Subdocs, err)
		}
		other := crdt.New(crdt.Options{ClientID: 3})
		if _, err := d.ApplyUpdate(pushed(t, other, 1)); !errors.Is(err, crdt.ErrSubdocuments) {
			t.Errorf("%s: one more: %v", name, err)
		}
		text := edited(t, d, func(tx *crdt.Tx) error { return d.Text("t").Insert(tx, 0, "text") })
		if _, err := d.ApplyUpdate(text); err != nil {
			t.Errorf("%s: a text: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPendingSubdocumentsAreBounded checks that pending subdocuments count towards the
// limit, so that the update that they depend on is accepted when it arrives, even if it
// repeats them.
func TestPendingSubdocumentsAreBounded(t *testing.T) {
	const most = 10
	writer, d := crdt.New(crdt.Options{ClientID: 1}), bounded(0, most)
	first := edited(t, writer, func(tx *crdt.Tx) error { return writer.Text("t").Insert(tx, 0, "first") })
	take := func(u []byte) error { _, err := d.ApplyUpdate(u); return err }
	for range most {
		if err := take(pushed(t, writer, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if d.Stats().Subdocs != 0 || !d.HasPending() {
		t.Fatal("nothing is pending, so the test shows nothing")
	}
	before := trace(t, d)
	if err := take(pushed(t, writer, 1)); !errors.Is(err, crdt.ErrSubdocuments) {
		t.Errorf("one more pending subdocument: %v", err)
	}
	if err := take(pushed(t, crdt.New(crdt.Options{ClientID: 2}), 1)); !errors.Is(err, crdt.ErrSubdocuments) {
		t.Errorf("one more that would not: %v", err)
	}
	if trace(t, d) != before {
		t.Error("the refused update changed the document")
	}
	if err := take(writer.EncodeStateAsUpdate(nil)); !errors.Is(err, crdt.ErrSubdocuments) {
		t.Errorf("all, one too many among them: %v", err)
	}
	edited(t, writer, func(tx *crdt.Tx) error { return writer.Array("folder").Delete(tx, most, 1) })
	if err := take(writer.EncodeStateAsUpdate(nil)); err != nil {
		t.Errorf("all, without the one too many: %v", err)
	}
	if err := take(first); err != nil || d.HasPending() || d.Stats().Subdocs != most {
		t.Errorf("at the end: %d subdocuments, pending %v, %v", d.Stats().Subdocs, d.HasPending(), err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
}

// TestSubdocumentsInOrder checks that the limit is exact if updates arrive in order: an
// update is refused if and only if it would leave more subdocuments than the limit and
// more than before.
func TestSubdocumentsInOrder(t *testing.T) {
	laws(t, 60, func(t *testing.T, rng *rand.Rand) {
		most := 1 + rng.IntN(6)
		writer := crdt.New(crdt.Options{ClientID: 1})
		d := bounded(0, most)
		refused := 0
		for range 80 {
			before := d.Stats().Subdocs
			u := edited(t, writer, func(tx *crdt.Tx) error {
				if rng.IntN(3) == 0 {
					if err := writer.Array(crdttest.Array).Push(tx, crdt.Subdoc{GUID: "g"}); err != nil {
						return err
					}
				}
				if n := writer.Array(crdttest.Array).Length(); n > 8 && rng.IntN(3) == 0 {
					if err := writer.Array(crdttest.Array).Delete(tx, rng.IntN(n-5), 5); err != nil {
						return err
					}
				}
				return crdttest.Edits(tx, rng, writer)
			})
			now := writer.Stats().Subdocs
			_, err := d.ApplyUpdate(u)
			if want := now > most && now > before; want != errors.Is(err, crdt.ErrSubdocuments) || err != nil && !want {
				t.Fatalf("from %d to %d of %d: %v", before, now, most, err)
			}
			if err != nil {
				refused++
				if _, err := d.ApplyStored(u); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			if d.Stats().Subdocs != now {
				t.Fatalf("%d are counted, want %d", d.Stats().Subdocs, now)
			}
		}
		if !bytes.Equal(d.EncodeStateAsUpdate(nil), writer.EncodeStateAsUpdate(nil)) {
			t.Error("another document")
		}
	})
}

// TestSubdocumentsInAnyOrder checks that the number of subdocuments never exceeds the
// limit, in whatever order updates of several writers arrive and however often, and that
// a refused update leaves the document unchanged.
func TestSubdocumentsInAnyOrder(t *testing.T) {
	laws(t, 60, func(t *testing.T, rng *rand.Rand) {
		writers := []*crdt.Doc{crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{ClientID: 2}), crdt.New(crdt.Options{ClientID: 3})}
		var updates [][]byte
		for range 60 {
			from, to := writers[rng.IntN(3)], writers[rng.IntN(3)]
			if rng.IntN(3) == 0 {
				updates = append(updates, pushed(t, from, 1))
			} else {
				updates = append(updates, crdttest.Edit(t, rng, from))
			}
			if rng.IntN(2) == 0 {
				if _, err := to.ApplyUpdate(from.EncodeStateAsUpdate(to.StateVector())); err != nil {
					t.Fatal(err)
				}
			}
		}
		most := 1 + rng.IntN(8)
		d := bounded(0, most)
		for range 2 {
			for len(updates) > 0 && rng.IntN(40) > 0 {
				u := updates[rng.IntN(len(updates))]
				if rng.IntN(8) == 0 {
					w := writers[rng.IntN(3)]
					u = w.EncodeStateAsUpdate(d.StateVector())
				}
				before := trace(t, d)
				switch _, err := d.ApplyUpdate(u); {
				case errors.Is(err, crdt.ErrSubdocuments):
					if trace(t, d) != before {
						t.Fatal("a refused update changed the document")
					}
				case err != nil:
					t.Fatal(err)
				}
				if n := d.Stats().Subdocs; n > most {
					t.Fatalf("%d of %d", n, most)
				}
			}
		}
	})
}

// TestRefusedSubdocumentsCostLittle checks that at the limit an update full of subdocuments
// is refused without allocating more than its own size.
func TestRefusedSubdocumentsCostLittle(t *testing.T) {
	writer, d := crdt.New(crdt.Options{ClientID: 1}), bounded(0, 1000)
	u := pushed(t, writer, 20_000)
	if _, err := d.ApplyUpdate(pushed(t, crdt.New(crdt.Options{ClientID: 2}), 1000)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.ApplyUpdate(u); !errors.Is(err, crdt.ErrSubdocuments) {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2*uint64(len(u)) {
		t.Errorf("an update of %d bytes took %d", len(u), took)
	}
}
