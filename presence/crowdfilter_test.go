package presence

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Law: a client that applies the diffs from the room's beginning knows as many
// people as are in the room, up to the limit, each as they are now, and nobody who
// has left.
func TestCrowdFilterNamesUpToTheLimit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	const limit = 7
	here := map[string]Person{}
	known := map[string]Person{}
	count := 0
	c := NewCrowdFilter(limit, func(d Diff) {
		for _, p := range d.Joins {
			known[p.ID] = p
		}
		for _, id := range d.Leaves {
			delete(known, id)
		}
		count = len(here)
	})
	now := time.Unix(1e9, 0)
	for range 20_000 {
		d := Diff{Room: "r", Joins: []Person{}, Leaves: []string{}}
		for _, n := range rng.Perm(40)[:1+rng.IntN(6)] {
			id := fmt.Sprint("p", n)
			switch p, there := here[id]; {
			case there && rng.IntN(2) == 0:
				delete(here, id)
				d.Leaves = append(d.Leaves, id)
			case there:
				p.Devices++
				here[id] = p
				d.Joins = append(d.Joins, p)
			case rng.IntN(3) > 0:
				now = now.Add(time.Millisecond)
				here[id] = Person{ID: id, Devices: 1, Since: now}
				d.Joins = append(d.Joins, here[id])
			}
		}
		c.Push(d)
		if len(known) != min(limit, len(here)) {
			t.Fatalf("the client knows %d people of %d, want %d", len(known), len(here), min(limit, len(here)))
		}
		for id, p := range known {
			if here[id] != p {
				t.Fatalf("the client knows %+v, want %+v", p, here[id])
			}
		}
		if count != len(here) {
			t.Fatalf("%d people are in the room, and %d were at the last diff: a change of the number was not published", len(here), count)
		}
	}
	d := Diff{Room: "r"}
	for id := range here {
		d.Leaves = append(d.Leaves, id)
	}
	c.Push(d)
	if len(c.rooms) != 0 {
		t.Error("an empty room is still in the filter")
	}
}

// People are listed by arrival, whatever order the diff has them in.
func TestCrowdFilterListsTheFirstToArrive(t *testing.T) {
	var told []string
	c := NewCrowdFilter(2, func(d Diff) {
		for _, p := range d.Joins {
			told = append(told, p.ID)
		}
	})
	at := func(id string, s int64) Person { return Person{ID: id, Since: time.Unix(s, 0)} }
	c.Push(Diff{Room: "r", Joins: []Person{at("c", 3), at("a", 1), at("d", 4), at("b", 2)}})
	c.Push(Diff{Room: "r", Joins: []Person{at("e", 5)}})
	c.Push(Diff{Room: "r", Leaves: []string{"a"}})
	if fmt.Sprint(told) != "[a b c]" {
		t.Errorf("listed %v, want [a b c]", told)
	}
}
