package presencetest

import (
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"weft/presence"
)

// truth is the plainest account of who is where: everything that happened, and
// the rules read off the contract.
type truth struct {
	grace time.Duration
	conns map[[2]string]string // room, conn → user
	left  map[[2]string]time.Time
}

func (w *truth) people(room string, now time.Time) map[string]int {
	people := map[string]int{}
	for at, when := range w.left {
		if at[0] == room && now.Sub(when) < w.grace {
			people[at[1]] = 0
		}
	}
	for at, user := range w.conns {
		if at[0] == room {
			people[user]++
		}
	}
	return people
}

func (w *truth) end(room, conn string, now time.Time) {
	if user, ok := w.conns[[2]string{room, conn}]; ok {
		delete(w.conns, [2]string{room, conn})
		w.left[[2]string{room, user}] = now
	}
}

// Seed replays a random test: PRESENCETEST_SEED=n go test -run ….
func seed(t *testing.T) uint64 {
	n := rand.Uint64()
	if s := os.Getenv("PRESENCETEST_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("replay with PRESENCETEST_SEED=%d", n)
	return n
}

func testRandom(f *fixture) {
	random := rand.New(rand.NewPCG(seed(f.T), 1))
	world := truth{f.Grace, map[[2]string]string{}, map[[2]string]time.Time{}}
	rooms := []string{"r", "s", "t"}
	told := map[string]map[string]presence.Person{}
	rounds, steps := 60, 25
	if !f.Exact {
		rounds = 3
	}
	check := func(exact bool) {
		if exact {
			f.Settle()
		}
		for _, d := range f.taken() {
			room := told[d.Room]
			if room == nil {
				room = map[string]presence.Person{}
				told[d.Room] = room
			}
			for _, id := range d.Leaves {
				if _, known := room[id]; !known {
					f.Errorf("leave of %s, who was not there", id)
				}
				delete(room, id)
			}
			for _, p := range d.Joins {
				if p == room[p.ID] {
					f.Errorf("told twice: %+v", p)
				}
				room[p.ID] = p
			}
		}
		if !exact {
			return
		}
		for _, room := range rooms {
			want := world.people(room, time.Now())
			got := map[string]int{}
			for _, p := range f.people(room) {
				user := p.ID[:len(p.ID)-len(f.salt)]
				got[user] = p.Devices
				shown := told[room+f.salt][p.ID]
				if p.Devices == 0 { // the grace period is not told
					shown.Devices = 0
				}
				f.equal("diffs applied against list", shown, p)
				f.equal("here", f.here(room, user), p.Devices > 0)
			}
			f.equal("people of "+room, got, want)
			f.equal("told of "+room, len(told[room+f.salt]), len(want))
		}
	}
	match := func() bool {
		check(false)
		for _, room := range rooms {
			want := world.people(room, time.Now())
			got := map[string]int{}
			for _, p := range f.people(room) {
				got[p.ID[:len(p.ID)-len(f.salt)]] = p.Devices
				shown := told[room+f.salt][p.ID]
				if p.Devices == 0 {
					shown.Devices = 0
				}
				if shown != p {
					return false
				}
			}
			if !maps.Equal(got, want) || len(told[room+f.salt]) != len(want) {
				return false
			}
		}
		return true
	}
	for range rounds {
		for range random.IntN(steps) {
			room, conn := rooms[random.IntN(len(rooms))], strconv.Itoa(random.IntN(8))
			now := time.Now()
			switch random.IntN(5) {
			case 0, 1:
				user := "u" + strconv.Itoa(random.IntN(5))
				if old := world.conns[[2]string{room, conn}]; old != user {
					world.end(room, conn, now)
				}
				world.conns[[2]string{room, conn}] = user
				f.join(room, conn, user)
			case 2, 3:
				world.end(room, conn, now)
				f.leave(room, conn)
			case 4:
				f.Advance(time.Duration(random.Int64N(int64(f.Grace))))
			}
			if random.IntN(4) == 0 {
				check(f.Exact)
			}
		}
		f.Advance(2 * f.Grace)
		if !f.Exact {
			f.eventually("lists and diffs are true", match)
		}
		check(true)
		if f.Failed() {
			return
		}
	}
}
