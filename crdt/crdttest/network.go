package crdttest

import (
	"math/rand/v2"
	"testing"

	"weft/crdt"
)

// Network carries updates between documents, badly: it drops, doubles and reorders
// them, and delivers torn copies, which must be refused without a trace.
type Network struct {
	t       testing.TB
	rng     *rand.Rand
	docs    []*crdt.Doc
	flights []flight
}

type flight struct {
	to     int
	update []byte
}

// NewNetwork joins docs. Not for concurrent use.
func NewNetwork(t testing.TB, rng *rand.Rand, docs ...*crdt.Doc) *Network {
	return &Network{t: t, rng: rng, docs: docs}
}

// Send takes an update made by docs[from] on its way to all others.
func (n *Network) Send(from int, update []byte) {
	for to := range n.docs {
		switch {
		case to == from || n.rng.IntN(10) == 0: // lost
			continue
		case n.rng.IntN(10) == 0:
			n.flights = append(n.flights, flight{to, update})
		}
		n.flights = append(n.flights, flight{to, update})
	}
}

// Deliver lets one update in flight arrive, any one. It tells whether there was one.
func (n *Network) Deliver() bool {
	n.t.Helper()
	if len(n.flights) == 0 {
		return false
	}
	i := n.rng.IntN(len(n.flights))
	f := n.flights[i]
	n.flights[i] = n.flights[len(n.flights)-1]
	n.flights = n.flights[:len(n.flights)-1]
	if n.rng.IntN(10) == 0 {
		n.tear(f)
	}
	if _, err := n.docs[f.to].ApplyUpdate(f.update); err != nil {
		n.t.Fatalf("update %x: %v", f.update, err)
	}
	return true
}

// tear delivers the beginning of an update only.
func (n *Network) tear(f flight) {
	n.t.Helper()
	doc := n.docs[f.to]
	before := doc.EncodeStateAsUpdate(nil)
	torn := f.update[:n.rng.IntN(len(f.update))]
	if _, err := doc.ApplyUpdate(torn); err == nil {
		n.t.Fatalf("torn update %x was taken", torn)
	}
	if after := doc.EncodeStateAsUpdate(nil); string(after) != string(before) {
		n.t.Fatalf("torn update %x was refused, but left a trace", torn)
	}
}

// Heal delivers what is in flight and then lets all documents ask one another for what
// they miss, as clients do when they reconnect.
func (n *Network) Heal() {
	n.t.Helper()
	for n.Deliver() {
	}
	for range 2 { // the second round carries on what the first one brought
		for i, a := range n.docs {
			for j, b := range n.docs {
				if i == j {
					continue
				}
				sv, err := crdt.DecodeStateVector(b.EncodeStateVector())
				if err != nil {
					n.t.Fatal(err)
				}
				if _, err := b.ApplyUpdate(a.EncodeStateAsUpdate(sv)); err != nil {
					n.t.Fatal(err)
				}
			}
		}
	}
}

// Converge fails the test unless all documents are sound, wait for nothing, and are
// one: equal full state, hence equal in everything.
func Converge(t testing.TB, docs ...*crdt.Doc) {
	t.Helper()
	for i, doc := range docs {
		if err := doc.Check(); err != nil {
			t.Errorf("document %d: %v", i, err)
		}
		if doc.HasPending() {
			t.Errorf("document %d still waits for something", i)
		}
		if a, b := docs[0].EncodeStateAsUpdate(nil), doc.EncodeStateAsUpdate(nil); string(a) != string(b) {
			t.Errorf("document %d differs from document 0:\n%x\n%x", i, b, a)
		}
	}
}
