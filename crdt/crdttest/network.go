package crdttest

import (
	"math/rand/v2"
	"testing"

	"weft/crdt"
)

// Network is an unreliable network between documents: it drops, repeats and reorders
// updates, and delivers truncated copies, which documents must refuse without changing. Not
// safe for concurrent use.
type Network struct {
	t        testing.TB
	rng      *rand.Rand
	docs     []*crdt.Doc
	inFlight []message
}

type message struct {
	to     int // index into Network.docs
	update []byte
}

// NewNetwork returns a network that connects docs.
func NewNetwork(t testing.TB, rng *rand.Rand, docs ...*crdt.Doc) *Network {
	return &Network{t: t, rng: rng, docs: docs}
}

// Send sends an update of docs[from] to all other documents. For each of them, one in ten
// updates is lost, and one in ten of the rest is sent twice.
func (n *Network) Send(from int, update []byte) {
	for to := range n.docs {
		switch {
		case to == from || n.rng.IntN(10) == 0: // lost
			continue
		case n.rng.IntN(10) == 0:
			n.inFlight = append(n.inFlight, message{to, update})
		}
		n.inFlight = append(n.inFlight, message{to, update})
	}
}

// Deliver applies one random update of those in flight. It returns false if there is none.
func (n *Network) Deliver() bool {
	n.t.Helper()
	if len(n.inFlight) == 0 {
		return false
	}
	i := n.rng.IntN(len(n.inFlight))
	m := n.inFlight[i]
	n.inFlight[i] = n.inFlight[len(n.inFlight)-1]
	n.inFlight = n.inFlight[:len(n.inFlight)-1]
	if n.rng.IntN(10) == 0 {
		n.deliverTruncated(m)
	}
	if _, err := n.docs[m.to].ApplyUpdate(m.update); err != nil {
		n.t.Fatalf("update %x: %v", m.update, err)
	}
	return true
}

// deliverTruncated delivers a random prefix of an update, which must be refused.
func (n *Network) deliverTruncated(m message) {
	n.t.Helper()
	doc := n.docs[m.to]
	before := doc.EncodeStateAsUpdate(nil)
	prefix := m.update[:n.rng.IntN(len(m.update))]
	if _, err := doc.ApplyUpdate(prefix); err == nil {
		n.t.Fatalf("truncated update %x was accepted", prefix)
	}
	if after := doc.EncodeStateAsUpdate(nil); string(after) != string(before) {
		n.t.Fatalf("truncated update %x was refused, but changed the document", prefix)
	}
}

// Heal delivers all updates in flight. Then each document asks every other one for the
// updates that it misses, as clients do when they reconnect.
func (n *Network) Heal() {
	n.t.Helper()
	for n.Deliver() {
	}
	for range 2 { // the second round passes on updates that arrived in the first
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

// Converge fails the test unless all documents pass Check, have nothing pending, and have
// the same encoded full state.
func Converge(t testing.TB, docs ...*crdt.Doc) {
	t.Helper()
	for i, doc := range docs {
		if err := doc.Check(); err != nil {
			t.Errorf("document %d: %v", i, err)
		}
		if doc.HasPending() {
			t.Errorf("document %d still has pending structs or deletes", i)
		}
		if a, b := docs[0].EncodeStateAsUpdate(nil), doc.EncodeStateAsUpdate(nil); string(a) != string(b) {
			t.Errorf("document %d differs from document 0:\n%x\nwant\n%x", i, b, a)
		}
	}
}
