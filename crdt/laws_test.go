package crdt_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"weft/crdt"
	"weft/crdt/crdttest"
)

// laws checks a law of doc.go in random cases. A failed test prints the seed of its case; the
// environment variable WEFT_SEED runs that case alone.
func laws(t *testing.T, cases int, law func(t *testing.T, rng *rand.Rand)) {
	t.Helper()
	first := rand.Uint64()
	if crdt.Thin {
		cases /= 10
	}
	if again := os.Getenv("WEFT_SEED"); again != "" {
		seed, err := strconv.ParseUint(again, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, cases = seed, 1
	}
	for i := range cases {
		seed := first + uint64(i)
		law(t, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Fatalf("failed with WEFT_SEED=%d", seed)
		}
	}
}

// authors returns two to four empty documents, about half of them with random client ids.
func authors(rng *rand.Rand) []*crdt.Doc {
	docs := make([]*crdt.Doc, 2+rng.IntN(3))
	for i := range docs {
		id := uint64(i + 1)
		if rng.IntN(2) == 0 {
			id = rng.Uint64N(1<<53-10) + 5
		}
		docs[i] = crdt.New(crdt.Options{ClientID: id})
	}
	return docs
}

// write edits the documents at random, delivers some of the updates over net, and returns
// all updates.
func write(t *testing.T, rng *rand.Rand, docs []*crdt.Doc, net *crdttest.Network) (updates [][]byte) {
	for range 10 + rng.IntN(60) {
		i := rng.IntN(len(docs))
		update := crdttest.Edit(t, rng, docs[i])
		updates = append(updates, update)
		net.Send(i, update)
		for rng.IntN(3) > 0 && net.Deliver() {
		}
		if err := docs[i].Check(); err != nil {
			t.Fatal(err)
		}
	}
	return updates
}

// Documents converge whatever the order in which their updates arrive.
func TestLawOrder(t *testing.T) {
	laws(t, 300, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := write(t, rng, docs, net)
		net.Heal()
		late := crdt.New(crdt.Options{})
		for _, i := range rng.Perm(len(updates)) {
			if _, err := late.ApplyUpdate(updates[i]); err != nil {
				t.Fatal(err)
			}
			if err := late.Check(); err != nil {
				t.Fatal(err)
			}
		}
		crdttest.Converge(t, append(docs, late)...)
	})
}

// Two documents are equal after each has applied the diff of the other. Two rounds are
// needed: the first may bring dependencies of pending structs.
func TestLawExchange(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		write(t, rng, docs, net)
		a, b := docs[0], docs[1]
		for range 2 { // twice: updates that a lacks may be in b
			exchange(t, a, b)
			exchange(t, b, a)
		}
		if x, y := a.EncodeStateAsUpdate(nil), b.EncodeStateAsUpdate(nil); !a.HasPending() && !bytes.Equal(x, y) {
			t.Errorf("after an exchange, a and b differ:\n%x\n%x", x, y)
		}
		if a.HasPending() != b.HasPending() {
			t.Errorf("HasPending is %v and %v after an exchange, want the same", a.HasPending(), b.HasPending())
		}
	})
}

// exchange applies the diff from one document to another.
func exchange(t *testing.T, from, to *crdt.Doc) {
	t.Helper()
	if _, err := to.ApplyUpdate(from.EncodeStateAsUpdate(to.StateVector())); err != nil {
		t.Fatal(err)
	}
}

// Applying an update that the document holds already changes nothing, and ApplyUpdate
// reports exactly the updates that change the document.
func TestLawIdempotence(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := write(t, rng, docs, net)
		late := crdt.New(crdt.Options{})
		for _, i := range rng.Perm(len(updates))[:len(updates)*2/3] {
			before := late.EncodeStateAsUpdate(nil)
			changed, err := late.ApplyUpdate(updates[i])
			if err != nil {
				t.Fatal(err)
			}
			if after := late.EncodeStateAsUpdate(nil); changed == bytes.Equal(before, after) {
				t.Errorf("changed is %v; full state before and after:\n%x\n%x", changed, before, after)
			}
			if changed, err := late.ApplyUpdate(updates[i]); changed || err != nil {
				t.Errorf("the same update applied again: changed %v, error %v", changed, err)
			}
		}
		if changed, err := late.ApplyUpdate(late.EncodeStateAsUpdate(nil)); changed || err != nil {
			t.Errorf("the own full state applied: changed %v, error %v", changed, err)
		}
	})
}

// A refused update leaves the document unchanged. An accepted one leaves it valid.
func TestLawRefusal(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := write(t, rng, docs, net)
		net.Heal()
		doc := docs[0]
		for range 50 {
			bad := bytes.Clone(updates[rng.IntN(len(updates))])
			if rng.IntN(3) == 0 {
				bad = doc.EncodeStateAsUpdate(nil)
			}
			for range 1 + rng.IntN(3) {
				bad[rng.IntN(len(bad))] ^= byte(1 << rng.IntN(8))
			}
			before := doc.EncodeStateAsUpdate(nil)
			if _, err := doc.ApplyUpdate(bad); err == nil {
				if err := doc.Check(); err != nil {
					t.Fatalf("Check after the damaged update %x was accepted: %v", bad, err)
				}
				break // the damage was accepted, so the document has changed
			}
			if after := doc.EncodeStateAsUpdate(nil); !bytes.Equal(before, after) {
				t.Fatalf("%x was refused, but the document changed", bad)
			}
		}
	})
}

// The round trip holds for documents with pending structs as well: nothing pending
// is lost on the way to disk and back.
func TestLawRoundTrip(t *testing.T) {
	laws(t, 200, func(t *testing.T, rng *rand.Rand) {
		docs := authors(rng)
		net := crdttest.NewNetwork(t, rng, docs...)
		updates := write(t, rng, docs, net)
		order := rng.Perm(len(updates))
		doc := crdt.New(crdt.Options{})
		for n, i := range order {
			if _, err := doc.ApplyUpdate(updates[i]); err != nil {
				t.Fatal(err)
			}
			if n%5 > 0 {
				continue
			}
			stored := doc.EncodeStateAsUpdate(nil)
			if err := crdt.ValidateUpdate(stored); err != nil {
				t.Fatal(err)
			}
			doc = crdt.New(crdt.Options{})
			if _, err := doc.ApplyUpdate(stored); err != nil {
				t.Fatal(err)
			}
			if loaded := doc.EncodeStateAsUpdate(nil); !bytes.Equal(loaded, stored) {
				t.Fatalf("full state before storing\n%x, after loading\n%x", stored, loaded)
			}
			if err := doc.Check(); err != nil {
				t.Fatal(err)
			}
		}
		net.Heal()
		crdttest.Converge(t, append(docs, doc)...)
	})
}
