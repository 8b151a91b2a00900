package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// Take gives tokens exactly when two buckets of x/time/rate both have one, takes
// none of either otherwise, and a caller who waits as long as it was told gets them.
func TestTakeGivesTokensOfAllBucketsOrNone(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 1))
		k := New[string](0)
		model := map[string]*rate.Limiter{}
		claim := func(key string, limit rate.Limit, burst int) (Claim[string], *rate.Limiter) {
			if model[key] == nil {
				model[key] = rate.NewLimiter(limit, burst)
			}
			return Claim[string]{key, limit, burst}, model[key]
		}
		// A bucket within a microtoken of one is avoided: rounding decides there.
		isNearOne := func(tokens float64) bool { return tokens > 1-1e-6 && tokens < 1+1e-6 }
		given, refused := 0, 0
		for range 20_000 {
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
			room := fmt.Sprint("r", r.IntN(2))
			ofPerson, person := claim(room+fmt.Sprint("u", r.IntN(4)), 4, 5)
			ofRoom, all := claim(room, 10, 12)
			if isNearOne(person.Tokens()) || isNearOne(all.Tokens()) {
				time.Sleep(time.Millisecond)
			}
			a, b := person.Tokens(), all.Tokens()
			wait, by := k.Take(ofPerson, ofRoom)
			if want := a >= 1 && b >= 1; want != (wait == 0) {
				t.Fatalf("with %g and %g tokens: retry after %s", a, b, wait)
			}
			if wait == 0 {
				person.Allow()
				all.Allow()
				given++
				continue
			}
			refused++
			if []float64{a, b}[by] >= 1 {
				t.Fatalf("with %g and %g tokens: limited by claim %d", a, b, by)
			}
			if wait < 0 || wait > time.Second || Seconds(wait) != 1 {
				t.Fatalf("retry after %s, want up to 1 s", wait)
			}
			if r.IntN(10) == 0 {
				time.Sleep(wait)
				if again, _ := k.Take(ofPerson, ofRoom); again != 0 {
					t.Fatalf("after waiting %s: retry after another %s", wait, again)
				}
				later := time.Now().Add(time.Microsecond)
				person.AllowN(later, 1)
				all.AllowN(later, 1)
			}
		}
		if given < 1000 || refused < 1000 {
			t.Errorf("%d given, %d refused: want at least 1000 of each", given, refused)
		}
	})
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for wait, want := range map[time.Duration]int{0: 1, 1: 1, time.Second: 1, time.Second + 1: 2} {
		if got := Seconds(wait); got != want {
			t.Errorf("%s is %d seconds, want %d", wait, got, want)
		}
	}
}

func TestIdleLimitersAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New[int](0)
		for i := range 50_000 {
			time.Sleep(10 * time.Millisecond)
			if wait, _ := k.Take(Claim[int]{i, 5, 10}); wait != 0 {
				t.Fatalf("key %d: retry after %s, want none", i, wait)
			}
		}
		// A bucket is full again after 200 ms, in which 20 keys come.
		if n := k.limiters.Len(); n > 22 {
			t.Errorf("%d limiters are kept, want at most 22", n)
		}
	})
}

func TestWithoutLimitNothingIsKept(t *testing.T) {
	k := New[int](0)
	for i := range 1000 {
		if wait, _ := k.Take(Claim[int]{i, rate.Inf, 1}, Claim[int]{Key: -i}); wait != 0 {
			t.Fatalf("key %d: retry after %s, want none", i, wait)
		}
	}
	if n := k.limiters.Len(); n > 0 {
		t.Errorf("%d limiters are kept, want none", n)
	}
}

// Keys that are never idle do not grow the table: the least recently used one is
// dropped and may begin anew, and the key that is used goes on being limited.
func TestTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New[int](100)
		claim := func(key int) Claim[int] { return Claim[int]{key, 0.001, 1} }
		k.Take(claim(-1))
		for i := range 1000 {
			if wait, _ := k.Take(claim(i)); wait != 0 {
				t.Fatalf("new key %d: retry after %s, want none", i, wait)
			}
			if wait, _ := k.Take(claim(-1)); wait == 0 {
				t.Fatalf("the key in use got a second token when %d keys had come", i+1)
			}
		}
		if n := k.limiters.Len(); n != 100 {
			t.Errorf("%d limiters are kept, want 100", n)
		}
		if wait, _ := k.Take(claim(0)); wait != 0 {
			t.Errorf("a key that was dropped: retry after %s, want none", wait)
		}
	})
}

func TestTakeByManyCallersGivesTheBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New[string](0)
		var all sync.WaitGroup
		var mu sync.Mutex
		given := 0
		for range 50 {
			all.Go(func() {
				if wait, _ := k.Take(Claim[string]{"a", 1, 20}, Claim[string]{"b", 1, 30}); wait == 0 {
					mu.Lock()
					given++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if given != 20 {
			t.Errorf("%d callers got a token, want 20", given)
		}
	})
}
