package presence

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Law: however diffs come, those that are passed on lead to the same people, and
// no room is told more often than agreed.
func TestRoundsKeepTheTruthAndThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 1))
		const every = 100 * time.Millisecond
		want, got := map[string]map[string]int{}, map[string]map[string]int{}
		last := map[string]time.Time{}
		apply := func(to map[string]map[string]int, d Diff) {
			if to[d.Room] == nil {
				to[d.Room] = map[string]int{}
			}
			for _, p := range d.Joins {
				to[d.Room][p.ID] = p.Devices
			}
			for _, id := range d.Leaves {
				delete(to[d.Room], id)
			}
		}
		var told atomic.Int64
		r := NewThrottle(every, func(d Diff) {
			told.Add(1)
			if before, ok := last[d.Room]; ok && time.Since(before) < every {
				t.Errorf("%s is told again after %s", d.Room, time.Since(before))
			}
			last[d.Room] = time.Now()
			apply(got, d)
		})
		for range 5000 {
			d := Diff{Room: fmt.Sprint("r", rng.IntN(5)), Joins: []Person{}, Leaves: []string{}}
			id := fmt.Sprint("p", rng.IntN(20))
			if rng.IntN(2) == 0 {
				d.Joins = append(d.Joins, Person{ID: id, Devices: rng.IntN(1000)})
			} else {
				d.Leaves = append(d.Leaves, id)
			}
			apply(want, d)
			r.Push(d)
			if rng.IntN(3) == 0 {
				time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
			}
			if rng.IntN(500) == 0 {
				time.Sleep(time.Second)
				synctest.Wait()
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("after quiet the rooms know %v, want %v", got, want)
				}
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the rooms know %v, want %v", got, want)
		}
		if told.Load() > 4500 {
			t.Errorf("%d of 5,000 diffs were passed on", told.Load())
		}
		// After the pause, at once; and a crowd is two messages.
		told.Store(0)
		for n := range 1000 {
			r.Push(Diff{Room: "r0", Joins: []Person{{ID: fmt.Sprint("q", n)}}})
		}
		if told.Load() != 1 {
			t.Errorf("told %d at once", told.Load())
		}
		time.Sleep(2 * every)
		synctest.Wait()
		if told.Load() != 2 || len(got["r0"]) < 1000 {
			t.Errorf("a crowd of 1,000 was told in %d diffs, %d are known", told.Load(), len(got["r0"]))
		}
		r.Close()
	})
}
