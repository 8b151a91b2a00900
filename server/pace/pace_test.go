package pace

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// What is given is what x/time/rate gives, of two buckets at once, and who waits as
// long as they are told gets it.
func TestPaceIsATokenBucket(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	p := New[string]()
	now := time.Unix(1e9, 0)
	model := map[string]*rate.Limiter{}
	claim := func(key string, limit rate.Limit, burst int) (Claim[string], *rate.Limiter) {
		if model[key] == nil {
			model[key] = rate.NewLimiter(limit, burst)
		}
		return Claim[string]{key, limit, burst}, model[key]
	}
	let, refused := 0, 0
	for range 20_000 {
		now = now.Add(time.Duration(r.IntN(60)) * time.Millisecond)
		room := fmt.Sprint("r", r.IntN(2))
		one, own := claim(room+fmt.Sprint("u", r.IntN(4)), 4, 5)
		both, all := claim(room, 10, 12)
		// A bucket within a microtoken of one is left out: rounding decides there.
		a, b := own.TokensAt(now), all.TokensAt(now)
		if near := func(x float64) bool { return x > 1-1e-6 && x < 1+1e-6 }; near(a) || near(b) {
			now = now.Add(time.Millisecond)
			a, b = own.TokensAt(now), all.TokensAt(now)
		}
		wait, by := p.Take(now, one, both)
		if want := a >= 1 && b >= 1; want != (wait == 0) {
			t.Fatalf("one has %g tokens, the other %g: wait %s", a, b, wait)
		}
		if wait == 0 {
			own.AllowN(now, 1)
			all.AllowN(now, 1)
			let++
			continue
		}
		refused++
		if []float64{a, b}[by] >= 1 {
			t.Fatalf("one has %g tokens, the other %g: number %d is said to be empty", a, b, by)
		}
		if wait < 0 || wait > time.Second || Seconds(wait) != 1 {
			t.Fatalf("wait %s", wait)
		}
		if r.IntN(10) == 0 {
			now = now.Add(wait)
			if more, _ := p.Take(now, one, both); more != 0 {
				t.Fatalf("after waiting %s: %s more", wait, more)
			}
			own.AllowN(now.Add(time.Microsecond), 1)
			all.AllowN(now.Add(time.Microsecond), 1)
		}
	}
	if let < 1000 || refused < 1000 {
		t.Errorf("%d let in, %d refused: the test tests little", let, refused)
	}
	for wait, want := range map[time.Duration]int{1: 1, time.Second: 1, time.Second + 1: 2} {
		if got := Seconds(wait); got != want {
			t.Errorf("%s is %d seconds, want %d", wait, got, want)
		}
	}
}

// A crowd that has passed through leaves nothing behind, and where anything goes
// nobody is counted.
func TestPaceForgetsWhoIsQuiet(t *testing.T) {
	p := New[int]()
	now := time.Unix(1e9, 0)
	for i := range 50_000 {
		now = now.Add(10 * time.Millisecond)
		if wait, _ := p.Take(now, Claim[int]{i, 5, 10}); wait != 0 {
			t.Fatal(wait)
		}
	}
	if n := len(p.full); n > 2*firstSweep {
		t.Errorf("%d buckets are kept", n)
	}
	free := New[int]()
	for i := range 1000 {
		if wait, _ := free.Take(now, Claim[int]{i, rate.Inf, 1}, Claim[int]{Key: -i}); wait != 0 {
			t.Fatal(wait)
		}
	}
	if n := len(free.full); n > 0 {
		t.Errorf("%d are counted without a limit", n)
	}
}
