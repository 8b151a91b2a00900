package presence

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Law: in whatever order and at whatever times diffs arrive, those that pass lead to
// the same people, and no room gets two within the interval.
func TestThrottleKeepsTheListAndTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 1))
		const interval = 100 * time.Millisecond
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
		var passed atomic.Int64
		r := NewThrottle(interval, func(d Diff) {
			passed.Add(1)
			if before, ok := last[d.Room]; ok && time.Since(before) < interval {
				t.Errorf("room %s got another diff after %s, want the interval between them", d.Room, time.Since(before))
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
					t.Fatalf("after a pause the rooms have %v, want %v", got, want)
				}
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("at the end the rooms have %v, want %v", got, want)
		}
		if passed.Load() > 4500 {
			t.Errorf("%d of 5,000 diffs passed, want at most 4,500", passed.Load())
		}
		// After a pause the first diff passes at once, and 999 more are merged into one.
		passed.Store(0)
		for n := range 1000 {
			r.Push(Diff{Room: "r0", Joins: []Person{{ID: fmt.Sprint("q", n)}}})
		}
		if passed.Load() != 1 {
			t.Errorf("%d diffs passed at once, want 1", passed.Load())
		}
		time.Sleep(2 * interval)
		synctest.Wait()
		if passed.Load() != 2 || len(got["r0"]) < 1000 {
			t.Errorf("1,000 people arrived in %d diffs with %d people, want 2 with at least 1,000", passed.Load(), len(got["r0"]))
		}
		r.Close()
	})
}
