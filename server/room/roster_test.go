package room

import (
	"math/rand/v2"
	"testing"

	"weft/server/room/feed"
)

// TestRosterMatchesAMap: after random additions and removals the row holds just the
// members, each in its seat.
func TestRosterMatchesAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	peers := make([]*nobody, 12)
	for i := range peers {
		peers[i] = &nobody{}
	}
	var r roster
	in := map[Peer]*member{}
	for range 5000 {
		p := peers[rnd.IntN(len(peers))]
		if m := in[p]; m != nil && rnd.IntN(4) > 0 {
			r.remove(m)
			delete(in, p)
		} else { // also once more
			m := &member{peer: p, reader: &feed.Reader{}}
			r.add(m)
			in[p] = m
		}
		if r.len() != len(in) {
			t.Fatalf("the roster has %d members, want %d", r.len(), len(in))
		}
		for i, s := range r.row {
			if s.member.seat != i || in[s.peer] != s.member || s.member.reader != s.reader || r.of(s.peer) != s.member {
				t.Fatalf("seat %d does not hold its member", i)
			}
		}
	}
	for p, m := range in {
		r.remove(m)
		if r.of(p) != nil {
			t.Fatal("a removed member is still found")
		}
	}
	if r.len() != 0 || len(r.byPeer) != 0 {
		t.Fatal("the roster is not empty")
	}
}
