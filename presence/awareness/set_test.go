package awareness_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/presence/awareness"
)

var start = time.Unix(1_800_000_000, 0)

func state(id, clock uint64, json string) awareness.State {
	return awareness.State{ClientID: id, Clock: clock, JSON: []byte(json)}
}

func show(states []awareness.State) string {
	line := ""
	for _, s := range states {
		line += fmt.Sprintf("%d@%d%s ", s.ClientID, s.Clock, s.JSON)
	}
	return line
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestReceiverRules(t *testing.T) {
	for _, c := range []struct {
		name     string
		known    []awareness.State
		in       awareness.State
		accepted string
		held     string
	}{
		{"new client", nil, state(1, 1, `{}`), `1@1{} `, `1@1{} `},
		{"new client at clock 0", nil, state(1, 0, `{}`), `1@0{} `, `1@0{} `},
		{"departure of a stranger at clock 0", nil, state(1, 0, `null`), ``, ``},
		{"departure of a stranger", nil, state(1, 4, `null`), `1@4null `, ``},
		{"higher clock", []awareness.State{state(1, 1, `{}`)}, state(1, 2, `{"a":1}`), `1@2{"a":1} `, `1@2{"a":1} `},
		{"higher clock, null", []awareness.State{state(1, 1, `{}`)}, state(1, 2, `null`), `1@2null `, ``},
		{"same clock, null", []awareness.State{state(1, 1, `{}`)}, state(1, 1, `null`), `1@1null `, ``},
		{"same clock, other state", []awareness.State{state(1, 1, `{}`)}, state(1, 1, `{"a":1}`), ``, `1@1{} `},
		{"same clock 0, again", []awareness.State{state(1, 0, `{}`)}, state(1, 0, `{}`), ``, `1@0{} `},
		{"lower clock", []awareness.State{state(1, 5, `{}`)}, state(1, 4, `{"a":1}`), ``, `1@5{} `},
		{"lower clock, null", []awareness.State{state(1, 5, `{}`)}, state(1, 4, `null`), ``, `1@5{} `},
		{"departed twice", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 5, `null`), ``, ``},
		{"old state of a departed", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 4, `{}`), ``, ``},
		{"departed comes back higher", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 6, `{}`), `1@6{} `, `1@6{} `},
		{"departed comes back the same", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 5, `{}`), `1@5null `, ``},
		{"jump to the window's edge", []awareness.State{state(1, 5, `{}`)}, state(1, 10_005, `{}`), `1@10005{} `, `1@10005{} `},
		{"jump beyond the window", []awareness.State{state(1, 5, `{}`)}, state(1, 10_006, `{}`), ``, `1@5{} `},
		{"departure beyond the window", []awareness.State{state(1, 5, `{}`)}, state(1, 1<<53-1, `null`), ``, `1@5{} `},
		{"first clock far on", nil, state(1, 1<<53-1, `{}`), `1@9007199254740991{} `, `1@9007199254740991{} `},
	} {
		t.Run(c.name, func(t *testing.T) {
			var set awareness.Set
			set.Apply(c.known, start)
			equal(t, "accepted", show(set.Apply([]awareness.State{c.in}, start)), c.accepted)
			equal(t, "held", show(set.All()), c.held)
			if set.Len() != len(set.All()) || set.Has(1) != (c.held != "") {
				t.Errorf("Len %d, Knows %v, held %q", set.Len(), set.Has(1), c.held)
			}
		})
	}
}

func TestClockWindowCanBeOpened(t *testing.T) {
	set := awareness.NewSet(awareness.Options{ClockWindow: math.MaxUint64})
	set.Apply([]awareness.State{state(1, 5, `{}`)}, start)
	equal(t, "accepted", show(set.Apply([]awareness.State{state(1, 1<<53-1, `{}`)}, start)), `1@9007199254740991{} `)
}

func TestSetBoundsItsClients(t *testing.T) {
	set := awareness.NewSet(awareness.Options{Clients: 2})
	set.Apply([]awareness.State{state(1, 1, `{}`), state(2, 1, `{}`)}, start)
	equal(t, "third", show(set.Apply([]awareness.State{state(3, 1, `{}`)}, start)), "")
	equal(t, "known", show(set.Apply([]awareness.State{state(2, 2, `{}`)}, start)), `2@2{} `)
	set.Remove([]uint64{1}, start)
	set.Apply([]awareness.State{state(3, 1, `{}`)}, start)
	equal(t, "the departed, with its place taken", show(set.Apply([]awareness.State{state(1, 2, `{}`)}, start)), "")
	equal(t, "held", show(set.All()), `2@2{} 3@1{} `)
	for id := range uint64(20_000) {
		set.Apply([]awareness.State{state(100+id, 1, `null`)}, start)
	}
	if n := set.Remembered(); n > 4100 {
		t.Errorf("remembers %d departed clients", n)
	}
}

func TestSetKeepsItsOwnBytes(t *testing.T) {
	var set awareness.Set
	in := state(1, 1, `{"a":1}`)
	set.Apply([]awareness.State{in}, start)
	copy(in.JSON, `XXXXXXX`)
	equal(t, "held", show(set.All()), `1@1{"a":1} `)
}

func TestRemoveAndExpire(t *testing.T) {
	var set awareness.Set
	set.Apply([]awareness.State{state(1, 7, `{}`), state(2, 3, `{}`)}, start)
	equal(t, "removed", show(set.Remove([]uint64{1, 1, 9}, start)), `1@7null `)
	equal(t, "left", show(set.All()), `2@3{} `)

	set.Apply([]awareness.State{state(3, 1, `{}`)}, start.Add(20*time.Second))
	equal(t, "too early", show(set.Expire(start.Add(29*time.Second), 30*time.Second)), ``)
	equal(t, "expired", show(set.Expire(start.Add(30*time.Second), 30*time.Second)), `2@3null `)
	equal(t, "left", show(set.All()), `3@1{} `)
	if n := set.Remembered(); n != 2 {
		t.Errorf("remembers %d", n)
	}
	set.Expire(start.Add(60*time.Second), time.Hour)
	if n := set.Remembered(); n != 1 {
		t.Errorf("after a minute remembers %d, want the one that expired later", n)
	}
	equal(t, "a forgotten client at its old clock", show(set.Apply([]awareness.State{state(1, 7, `{}`)}, start)), `1@7{} `)
}

func TestWakingIsRationed(t *testing.T) {
	var set awareness.Set
	set.Apply([]awareness.State{state(1, 7, `{}`)}, start)
	set.Remove([]uint64{1}, start)
	woken := 0
	for i := range 1000 { // a thousand copies of the old state in one second
		woken += len(set.Apply([]awareness.State{state(1, 7, `{}`)}, start.Add(time.Duration(i)*time.Millisecond)))
	}
	if woken != 20 || set.Len() != 0 {
		t.Errorf("woken %d times, %d held", woken, set.Len())
	}
}

// stock is a client by the table of y-protocols, in our words: what it holds of
// others, and its own state.
type stock struct {
	id     uint64
	own    bool
	clocks map[uint64]uint64
	states map[uint64]string
}

func newStock(id uint64) *stock {
	return &stock{id: id, own: true, clocks: map[uint64]uint64{id: 0}, states: map[uint64]string{id: `{}`}}
}

func (c *stock) say() awareness.State { return state(c.id, c.clocks[c.id], c.states[c.id]) }

// receive returns what the client sends because of it: everything that changed.
func (c *stock) receive(states []awareness.State) (echo []awareness.State) {
	for _, s := range states {
		_, holds := c.states[s.ClientID]
		known := c.clocks[s.ClientID]
		if s.Clock < known || s.Clock == known && !(s.Gone() && holds) {
			continue
		}
		switch {
		case s.Gone() && s.ClientID == c.id && c.own:
			c.clocks[c.id] = s.Clock + 1
			echo = append(echo, c.say())
			continue
		case s.Gone():
			delete(c.states, s.ClientID)
		default:
			c.states[s.ClientID] = string(s.JSON)
		}
		c.clocks[s.ClientID] = s.Clock
		echo = append(echo, s)
	}
	return echo
}

// A client that drops and returns saying the same as before is seen by the others
// after one round trip, without waiting for its renewal.
func TestReturningClientIsVisibleAtOnce(t *testing.T) {
	var set awareness.Set
	ana, ben := newStock(1), newStock(2)
	room := map[uint64]*stock{1: ana, 2: ben}
	relayed := 0
	var send func(from *stock, states []awareness.State)
	send = func(from *stock, states []awareness.State) {
		if room[from.id] == nil {
			return
		}
		accepted := set.Apply(states, start)
		if len(accepted) == 0 {
			return
		}
		if relayed++; relayed > 100 {
			t.Fatal("the echo never ends")
		}
		for _, c := range []*stock{ana, ben} {
			if room[c.id] != nil {
				if echo := c.receive(accepted); len(echo) > 0 {
					send(c, echo)
				}
			}
		}
	}
	ana.clocks[1], ana.states[1] = 3, `{"caret":1}`
	send(ana, []awareness.State{ana.say()})
	equal(t, "ben sees", ben.states[1], `{"caret":1}`)

	delete(room, 1) // the connection drops
	ben.receive(set.Remove([]uint64{1}, start))
	if _, sees := ben.states[1]; sees {
		t.Fatal("ben still sees ana")
	}

	room[1] = ana
	send(ana, []awareness.State{ana.say()})
	equal(t, "ben sees again", ben.states[1], `{"caret":1}`)
	equal(t, "the server too", show(set.All()), `1@4{"caret":1} `)
}

// Law: whatever arrives in whatever order, a set and a stock client that receives
// what the set relays hold the same, but for clients at clock 0.
func TestSetAgreesWithStockClients(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		var set awareness.Set
		watcher := newStock(99)
		now := start
		for range 150 {
			now = now.Add(time.Duration(random.IntN(100)) * time.Millisecond)
			id := 1 + random.Uint64N(4)
			switch random.IntN(8) {
			case 0:
				watcher.receive(set.Remove([]uint64{id}, now))
			case 1:
				watcher.receive(set.Expire(now, 3*time.Second))
			default:
				json := `null`
				if random.IntN(4) > 0 {
					json = fmt.Sprintf(`{"n":%d}`, random.IntN(1000))
				}
				accepted := set.Apply([]awareness.State{state(id, 1+random.Uint64N(8), json)}, now)
				decoded, err := awareness.Decode(awareness.Append(nil, accepted))
				if err != nil {
					t.Fatal(err)
				}
				watcher.receive(decoded)
			}
			held := map[uint64]string{99: `{}`}
			for _, s := range set.All() {
				held[s.ClientID] = string(s.JSON)
			}
			if diff := cmp.Diff(held, watcher.states); diff != "" {
				t.Fatalf("set and client disagree (-set +client):\n%s", diff)
			}
		}
	}
}
