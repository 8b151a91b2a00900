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

// model is the simplest implementation of a tracker: all open connections, and when
// people left. It follows from the contract of presence.Tracker alone.
type model struct {
	grace time.Duration
	conns map[connKey]string    // user by open connection
	left  map[userKey]time.Time // when the person's last connection to close did
}

type connKey struct{ room, conn string }

type userKey struct{ room, user string }

// people returns the people in the room by user, with their number of devices.
func (m *model) people(room string, now time.Time) map[string]int {
	people := map[string]int{}
	for at, when := range m.left {
		if at.room == room && now.Sub(when) < m.grace {
			people[at.user] = 0
		}
	}
	for at, user := range m.conns {
		if at.room == room {
			people[user]++
		}
	}
	return people
}

func (m *model) join(at connKey, user string, now time.Time) {
	if m.conns[at] != user {
		m.leave(at, now)
	}
	m.conns[at] = user
}

func (m *model) leave(at connKey, now time.Time) {
	if user, open := m.conns[at]; open {
		delete(m.conns, at)
		m.left[userKey{at.room, user}] = now
	}
}

// seed returns the seed of a random test and logs it.
// PRESENCETEST_SEED=n go test -run … runs the same test again.
func seed(t *testing.T) uint64 {
	n := rand.Uint64()
	if s := os.Getenv("PRESENCETEST_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("replay with PRESENCETEST_SEED=%d", n)
	return n
}

// randomTest compares a tracker with the model.
type randomTest struct {
	*fixture
	random *rand.Rand
	model  model
	diffs  map[string]map[string]presence.Person // people by salted room and id, as the diffs add up
}

var randomRooms = []string{"r", "s", "t"}

// testRandom: after random joins, leaves and pauses, the list of each room and the
// sum of its diffs both equal the model.
func testRandom(f *fixture) {
	r := &randomTest{
		fixture: f,
		random:  rand.New(rand.NewPCG(seed(f.T), 1)),
		model:   model{f.Grace, map[connKey]string{}, map[userKey]time.Time{}},
		diffs:   map[string]map[string]presence.Person{},
	}
	rounds := 60
	if !f.Exact {
		rounds = 3
	}
	for range rounds {
		r.act(r.random.IntN(25))
		f.Advance(2 * f.Grace)
		if !f.Exact {
			f.eventually("lists and diffs equal the model", r.agrees)
		}
		r.check()
		if f.Failed() {
			return
		}
	}
}

// act does a number of random things to the tracker and to the model.
func (r *randomTest) act(steps int) {
	for range steps {
		at := connKey{randomRooms[r.random.IntN(len(randomRooms))], strconv.Itoa(r.random.IntN(8))}
		now := time.Now()
		switch r.random.IntN(5) {
		case 0, 1:
			user := "u" + strconv.Itoa(r.random.IntN(5))
			r.model.join(at, user, now)
			r.join(at.room, at.conn, user)
		case 2, 3:
			r.model.leave(at, now)
			r.leave(at.room, at.conn)
		case 4:
			r.Advance(time.Duration(r.random.Int64N(int64(r.Grace))))
		}
		if r.random.IntN(4) == 0 {
			if r.Exact {
				r.check()
			} else {
				r.applyDiffs()
			}
		}
	}
}

// applyDiffs applies the diffs published since the last call. Each must change
// something.
func (r *randomTest) applyDiffs() {
	for _, d := range r.taken() {
		room := r.diffs[d.Room]
		if room == nil {
			room = map[string]presence.Person{}
			r.diffs[d.Room] = room
		}
		for _, id := range d.Leaves {
			if _, known := room[id]; !known {
				r.Errorf("a diff has the leave of %s, who was not in the room", id)
			}
			delete(room, id)
		}
		for _, p := range d.Joins {
			if p == room[p.ID] {
				r.Errorf("a diff repeats %+v", p)
			}
			room[p.ID] = p
		}
	}
}

// check compares lists, diffs and IsPresent with the model.
func (r *randomTest) check() {
	r.Settle()
	r.applyDiffs()
	for _, room := range randomRooms {
		want := r.model.people(room, time.Now())
		got := map[string]int{}
		for _, p := range r.people(room) {
			user := p.ID[:len(p.ID)-len(r.salt)]
			got[user] = p.Devices
			r.equal("a person by the diffs, and as listed", r.byDiffs(room, p), p)
			r.equal("IsPresent", r.isPresent(room, user), p.Devices > 0)
		}
		r.equal("devices of the people of "+room, got, want)
		r.equal("number of people in "+room+" by the diffs", len(r.diffs[room+r.salt]), len(want))
	}
}

// agrees reports whether lists and diffs equal the model by now.
func (r *randomTest) agrees() bool {
	r.applyDiffs()
	for _, room := range randomRooms {
		want := r.model.people(room, time.Now())
		got := map[string]int{}
		for _, p := range r.people(room) {
			got[p.ID[:len(p.ID)-len(r.salt)]] = p.Devices
			if r.byDiffs(room, p) != p {
				return false
			}
		}
		if !maps.Equal(got, want) || len(r.diffs[room+r.salt]) != len(want) {
			return false
		}
	}
	return true
}

// byDiffs returns the person according to the diffs. The beginning of the grace
// period is not in the diffs, so the devices are those of a listed person in it.
func (r *randomTest) byDiffs(room string, listed presence.Person) presence.Person {
	p := r.diffs[room+r.salt][listed.ID]
	if listed.Devices == 0 {
		p.Devices = 0
	}
	return p
}
