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
		{"null of an unknown client at clock 0", nil, state(1, 0, `null`), ``, ``},
		{"null of an unknown client", nil, state(1, 4, `null`), `1@4null `, ``},
		{"higher clock", []awareness.State{state(1, 1, `{}`)}, state(1, 2, `{"a":1}`), `1@2{"a":1} `, `1@2{"a":1} `},
		{"higher clock, null", []awareness.State{state(1, 1, `{}`)}, state(1, 2, `null`), `1@2null `, ``},
		{"same clock, null", []awareness.State{state(1, 1, `{}`)}, state(1, 1, `null`), `1@1null `, ``},
		{"same clock, other state", []awareness.State{state(1, 1, `{}`)}, state(1, 1, `{"a":1}`), ``, `1@1{} `},
		{"same clock 0, again", []awareness.State{state(1, 0, `{}`)}, state(1, 0, `{}`), ``, `1@0{} `},
		{"lower clock", []awareness.State{state(1, 5, `{}`)}, state(1, 4, `{"a":1}`), ``, `1@5{} `},
		{"lower clock, null", []awareness.State{state(1, 5, `{}`)}, state(1, 4, `null`), ``, `1@5{} `},
		{"null twice", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 5, `null`), ``, ``},
		{"old state of a client that left", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 4, `{}`), ``, ``},
		{"a client that left reconnects at a higher clock", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 6, `{}`), `1@6{} `, `1@6{} `},
		{"a client that left reconnects at the same clock", []awareness.State{state(1, 5, `{}`), state(1, 5, `null`)}, state(1, 5, `{}`), `1@5null `, ``},
		{"clock advances to the end of the window", []awareness.State{state(1, 5, `{}`)}, state(1, 10_005, `{}`), `1@10005{} `, `1@10005{} `},
		{"clock advances beyond the window", []awareness.State{state(1, 5, `{}`)}, state(1, 10_006, `{}`), ``, `1@5{} `},
		{"null beyond the window", []awareness.State{state(1, 5, `{}`)}, state(1, 1<<53-1, `null`), ``, `1@5{} `},
		{"first clock is the highest possible", nil, state(1, 1<<53-1, `{}`), `1@9007199254740991{} `, `1@9007199254740991{} `},
	} {
		t.Run(c.name, func(t *testing.T) {
			var set awareness.Set
			set.Apply(c.known, start)
			equal(t, "accepted", show(set.Apply([]awareness.State{c.in}, start)), c.accepted)
			equal(t, "held", show(set.All()), c.held)
			if set.Len() != len(set.All()) || set.Has(1) != (c.held != "") {
				t.Errorf("Len() = %d, Has(1) = %v, want those of %q", set.Len(), set.Has(1), c.held)
			}
		})
	}
}

func TestClockWindowCanBeUnlimited(t *testing.T) {
	set := awareness.NewSet(awareness.Options{ClockWindow: math.MaxUint64})
	set.Apply([]awareness.State{state(1, 5, `{}`)}, start)
	equal(t, "accepted", show(set.Apply([]awareness.State{state(1, 1<<53-1, `{}`)}, start)), `1@9007199254740991{} `)
}

func TestSetLimitsClientsWithAState(t *testing.T) {
	set := awareness.NewSet(awareness.Options{Clients: 2})
	set.Apply([]awareness.State{state(1, 1, `{}`), state(2, 1, `{}`)}, start)
	equal(t, "third", show(set.Apply([]awareness.State{state(3, 1, `{}`)}, start)), "")
	equal(t, "known", show(set.Apply([]awareness.State{state(2, 2, `{}`)}, start)), `2@2{} `)
	set.Remove([]uint64{1}, start)
	set.Apply([]awareness.State{state(3, 1, `{}`)}, start)
	equal(t, "the client that left, at the limit", show(set.Apply([]awareness.State{state(1, 2, `{}`)}, start)), "")
	equal(t, "held", show(set.All()), `2@2{} 3@1{} `)
	for id := range uint64(20_000) {
		set.Apply([]awareness.State{state(100+id, 1, `null`)}, start)
	}
	if n := set.Remembered(); n > 4100 {
		t.Errorf("%d clients that left are remembered, want at most 4,100", n)
	}
}

func TestSetCopiesTheJSON(t *testing.T) {
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
		t.Errorf("%d clients that left are remembered, want 2", n)
	}
	set.Expire(start.Add(60*time.Second), time.Hour)
	if n := set.Remembered(); n != 1 {
		t.Errorf("after a minute %d clients are remembered, want 1: the one that expired later", n)
	}
	equal(t, "a forgotten client at its old clock", show(set.Apply([]awareness.State{state(1, 7, `{}`)}, start)), `1@7{} `)
}

func TestNullAnswersAreRateLimited(t *testing.T) {
	var set awareness.Set
	set.Apply([]awareness.State{state(1, 7, `{}`)}, start)
	set.Remove([]uint64{1}, start)
	woken := 0
	for i := range 1000 { // a thousand copies of the old state in one second
		woken += len(set.Apply([]awareness.State{state(1, 7, `{}`)}, start.Add(time.Duration(i)*time.Millisecond)))
	}
	if woken != 20 || set.Len() != 0 {
		t.Errorf("answered with null %d times with %d states held, want 20 and 0", woken, set.Len())
	}
}

// stock is a model of a stock client, by the rules of y-protocols' awareness.js: the
// states that it holds, and its own.
type stock struct {
	id     uint64
	own    bool
	clocks map[uint64]uint64
	states map[uint64]string
}

func newStock(id uint64) *stock {
	return &stock{id: id, own: true, clocks: map[uint64]uint64{id: 0}, states: map[uint64]string{id: `{}`}}
}

func (c *stock) state() awareness.State { return state(c.id, c.clocks[c.id], c.states[c.id]) }

// receive applies states and returns what the client sends back: everything that
// changed.
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
			echo = append(echo, c.state())
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

// A client that reconnects with the state that it had before is shown by the others
// after one round trip, without waiting for its renewal.
func TestReconnectingClientIsShownAfterOneRoundTrip(t *testing.T) {
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
			t.Fatal("the echo does not end: more than 100 updates were relayed")
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
	send(ana, []awareness.State{ana.state()})
	equal(t, "ben shows", ben.states[1], `{"caret":1}`)

	delete(room, 1) // the connection drops
	ben.receive(set.Remove([]uint64{1}, start))
	if _, sees := ben.states[1]; sees {
		t.Fatal("ben still shows ana after her connection closed")
	}

	room[1] = ana
	send(ana, []awareness.State{ana.state()})
	equal(t, "ben shows again", ben.states[1], `{"caret":1}`)
	equal(t, "the server holds", show(set.All()), `1@4{"caret":1} `)
}

// Law: whatever states arrive in whatever order, a stock client that receives what
// the set relays holds the same states as the set, except for clients at clock 0.
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
				t.Fatalf("states (-set +client):\n%s", diff)
			}
		}
	}
}
