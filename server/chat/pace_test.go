package chat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"weft/server/store"
)

// What is let in is what x/time/rate lets in, for people and for rooms, and
// who waits as long as they are told gets in.
func TestPaceIsATokenBucket(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	l := Limits{Person: 4, PersonAt: 5, Room: 10, RoomAt: 12}
	p := newPace(l)
	now := time.Unix(1e9, 0)
	model := map[bucket]*rate.Limiter{}
	of := func(b bucket, limit rate.Limit, burst int) *rate.Limiter {
		if model[b] == nil {
			model[b] = rate.NewLimiter(limit, burst)
		}
		return model[b]
	}
	let, refused := 0, 0
	for range 20_000 {
		now = now.Add(time.Duration(r.IntN(60)) * time.Millisecond)
		room := store.RoomID(fmt.Sprint("r", r.IntN(2)))
		own := of(bucket{room, fmt.Sprint("u", r.IntN(4))}, l.Person, l.PersonAt)
		all := of(bucket{room: room}, l.Room, l.RoomAt)
		var person string
		for b, limiter := range model {
			if limiter == own {
				person = b.person
			}
		}
		// A bucket within a microtoken of one is left out: rounding decides there.
		a, b := own.TokensAt(now), all.TokensAt(now)
		if near := func(x float64) bool { return x > 1-1e-6 && x < 1+1e-6 }; near(a) || near(b) {
			now = now.Add(time.Millisecond)
			a, b = own.TokensAt(now), all.TokensAt(now)
		}
		err := p.allow(person, room, now)
		if want := a >= 1 && b >= 1; want != (err == nil) {
			t.Fatalf("person has %g tokens, room %g: %v", a, b, err)
		}
		if err == nil {
			own.AllowN(now, 1)
			all.AllowN(now, 1)
			let++
			continue
		}
		refused++
		var slow *TooFast
		if !errors.As(err, &slow) || slow.Wait <= 0 || slow.Wait > time.Second || slow.Seconds() != 1 {
			t.Fatalf("%v", err)
		}
		if r.IntN(10) == 0 {
			now = now.Add(slow.Wait)
			if err := p.allow(person, room, now); err != nil {
				t.Fatalf("after waiting %s: %v", slow.Wait, err)
			}
			own.AllowN(now.Add(time.Microsecond), 1)
			all.AllowN(now.Add(time.Microsecond), 1)
		}
	}
	if let < 1000 || refused < 1000 {
		t.Errorf("%d let in, %d refused: the test tests little", let, refused)
	}
}

// A crowd that has passed through leaves nothing behind.
func TestPaceForgetsWhoIsQuiet(t *testing.T) {
	p := newPace(DefaultLimits())
	now := time.Unix(1e9, 0)
	for i := range 50_000 {
		now = now.Add(10 * time.Millisecond)
		if err := p.allow(fmt.Sprint("u", i), store.RoomID(fmt.Sprint("r", i)), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.full); n > 2*firstSweep {
		t.Errorf("%d buckets are kept", n)
	}
	lab := newPace(LabLimits())
	for range 1000 {
		if err := lab.allow("u", "r", now); err != nil {
			t.Fatal(err)
		}
	}
}
