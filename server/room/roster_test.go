package room

import (
	"math/rand/v2"
	"testing"

	"weft/server/room/feed"
)

// TestRosterMatchesAMap: at random, the row holds just those who are in, each in its seat.
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
			t.Fatalf("%d are in, want %d", r.len(), len(in))
		}
		for i, s := range r.row {
			if s.member.seat != i || in[s.peer] != s.member || s.member.reader != s.reader || r.of(s.peer) != s.member {
				t.Fatalf("seat %d is wrong", i)
			}
		}
	}
	for p, m := range in {
		r.remove(m)
		if r.of(p) != nil {
			t.Fatal("who has left is still found")
		}
	}
	if r.len() != 0 || len(r.byPeer) != 0 {
		t.Fatal("somebody is left")
	}
}
