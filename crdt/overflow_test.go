package crdt

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPendingLimitDryRun checks that the dry run of pending.isAffectedBy and
// countUndelivered predicts what is pending after an update, with its shortcut and
// without.
func TestPendingLimitDryRun(t *testing.T) {
	first, short := rand.Uint64(), 0
	for i := range uint64(300) {
		seed := first + i
		rng := rand.New(rand.NewPCG(seed, 0))
		docs := []*Doc{New(Options{ClientID: 7}), New(Options{ClientID: 8}), New(Options{ClientID: 9})}
		var updates [][]byte
		for range 60 {
			d := docs[rng.IntN(3)]
			n := d.Length("t")
			u, err := d.InsertText("t", rng.IntN(n+1), "abc")
			if n > 4 && rng.IntN(3) == 0 {
				u, err = d.DeleteText("t", rng.IntN(n-3), 3)
			}
			if err != nil {
				t.Fatal(err)
			}
			updates = append(updates, u)
			if rng.IntN(3) == 0 {
				take(t, docs[rng.IntN(3)], d.EncodeStateAsUpdate(nil))
			}
		}
		rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
		d := New(Options{})
		for _, u := range updates {
			if rng.IntN(4) == 0 {
				u, _ = MergeUpdates(u, updates[rng.IntN(len(updates))]) //nolint:errcheck // both are sound
			}
			var p parsedUpdate
			if err := p.parse(u); err != nil {
				t.Fatal(err)
			}
			p.deletes = p.deletes.Normalise()
			to := &dryRun{store: &d.store, states: map[uint64]uint64{}}
			fresh := slices.Clone(p.sources)
			d.delivery.deliver(fresh, to)
			concerned := d.pending.isAffectedBy(to)
			structs, bytes := fresh.size()
			deletes := to.unknown(p.deletes)
			all, allBytes := d.countUndelivered(fresh, to)
			allDeletes := to.unknown(p.deletes) + to.unknown(d.pending.deletes)
			if !concerned {
				short++
				if structs += d.pending.structs; structs != all || bytes+d.pending.bytes != allBytes || deletes+len(d.pending.deletes) != allDeletes {
					t.Fatalf("seed %d: predicted %d structs, %d deletes pending; without the shortcut %d and %d", seed, structs, deletes, all, allDeletes)
				}
			}
			take(t, d, u)
			if d.pending.structs > all || len(d.pending.deletes) > allDeletes {
				t.Fatalf("seed %d: %d structs, %d deletes pending; predicted %d and %d", seed, d.pending.structs,
					len(d.pending.deletes), all, allDeletes)
			}
		}
	}
	if short == 0 {
		t.Error("the shortcut was never taken")
	}
}
