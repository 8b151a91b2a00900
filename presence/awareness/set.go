package awareness

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// Options of a Set. The zero value of a field means the default.
type Options struct {
	// ClockWindow is how far the clock of a known client may advance at once.
	// Without a bound, one forged state at clock 2^53−1 would silence its victim
	// until the client id changes: no later clock of the victim could be higher.
	// 0 means 10,000; math.MaxUint64 means no bound.
	ClockWindow uint64
	// Clients is how many clients may have a state at once; states of further
	// clients are ignored. 0 means 10,000.
	Clients int
}

// The clock of a client that has left is remembered for goneMemory, of at most
// maxGone clients.
const (
	goneMemory = time.Minute
	maxGone    = 4096
	// wakeInterval is the shortest time between two null replies that ask the same
	// client to send its state again.
	wakeInterval = 50 * time.Millisecond
)

// Set holds the awareness states of one room on the server. The zero value is ready
// and has the default options. Not safe for concurrent use.
//
// # Receiving a state
//
// K is the highest clock received of a client, 0 if the client is unknown:
//
//	state received                          result
//	clock > K                               accepted; K = clock; null removes
//	clock = K, null, a state is held        accepted; removes
//	clock = 0, not null, client unknown     accepted
//	clock = K, not null, no state is held   answered with null, see below
//	any other                               ignored
//
// The first two rows are the rules of stock clients. The third is an addition: a
// stock client publishes its first, mostly empty, state with clock 0, and stock
// receivers ignore it until the clock advances. By accepting it the server learns
// early which connection the client id belongs to. Relaying it is harmless, because
// the receivers still ignore it.
//
// Ignored states must not be relayed. Stock clients send every change that they
// receive back to the server, and this rule alone ends the echo.
//
// # Leaving and reconnecting
//
// When a connection closes, its client is removed with null at the client's own
// clock K. No other clock works: all receivers ignore a lower one, and a higher one
// would make the client's next states look old.
//
// All receivers keep K. A client that reconnects sends the same state at the same K,
// which they ignore until the client renews its state, up to 15 seconds later. If
// only the server forgot K, they would still ignore the state. And a copy of the
// old state, still on its way back from another client, would be shown again.
//
// So the set remembers K for a minute. It answers a state at exactly K with null at
// K, as an accepted state that is relayed to everybody including the sender:
//
//	sender       sees its own client id removed, and answers at once with its
//	             state at K+1 (stock clients do), which everybody accepts
//	others       hold no state of the client and ignore null
//
// The client is visible again within a round trip. A client that does not follow
// this rule, or that does not receive the answer, is visible after its next renewal,
// as with any other server.
type Set struct {
	options Options
	clients map[uint64]*client
	live    int // number of clients with a state
}

type client struct {
	clock uint64
	json  []byte    // nil: the client has left
	at    time.Time // when the last state was accepted, or when the client left
	woken time.Time // when a state was last answered with null
}

// NewSet returns an empty set.
func NewSet(o Options) *Set { return &Set{options: o} }

func (s *Set) window() uint64 {
	return cmp.Or(s.options.ClockWindow, 10_000)
}

func (s *Set) maxClients() int {
	return cmp.Or(s.options.Clients, 10_000)
}

// Apply takes the states that a client sent, in order. It returns the states to relay
// to everybody in the room, including the sender: stock clients reconnect unless
// they receive something regularly, and a reconnecting client needs the answer null.
// The result does not share memory with states. The caller must check before that
// the sender may set the states of these client ids.
func (s *Set) Apply(states []State, now time.Time) (accepted []State) {
	for _, in := range states {
		if out, ok := s.apply(in, now); ok {
			accepted = append(accepted, out)
		}
	}
	return accepted
}

func (s *Set) apply(in State, now time.Time) (State, bool) {
	c := s.clients[in.ClientID]
	if c == nil {
		if in.Gone() && in.Clock == 0 || !in.Gone() && s.live >= s.maxClients() {
			return State{}, false
		}
		c = &client{}
		if s.clients == nil {
			s.clients = map[uint64]*client{}
		}
		s.clients[in.ClientID] = c
		return s.set(in, c, now), true
	}
	switch {
	case in.Clock > c.clock:
		if in.Clock-c.clock > s.window() {
			return State{}, false
		}
		if c.json == nil && !in.Gone() && s.live >= s.maxClients() {
			return State{}, false
		}
		return s.set(in, c, now), true
	case in.Clock < c.clock:
		return State{}, false
	case in.Gone() && c.json != nil:
		return s.set(in, c, now), true
	case !in.Gone() && c.json == nil && now.Sub(c.woken) >= wakeInterval:
		c.woken = now
		return State{in.ClientID, c.clock, []byte("null")}, true
	}
	return State{}, false
}

func (s *Set) set(in State, c *client, now time.Time) State {
	if c.json != nil {
		s.live--
	}
	c.clock, c.at, c.json = in.Clock, now, nil
	if in.Gone() {
		s.forgetGone()
		return State{in.ClientID, in.Clock, []byte("null")}
	}
	s.live++
	c.json = bytes.Clone(in.JSON)
	return State{in.ClientID, in.Clock, c.json}
}

// Remove removes the states of clients whose connection has closed, and returns the
// states to relay to the others. Client ids without a state are ignored.
func (s *Set) Remove(ids []uint64, now time.Time) []State {
	var gone []State
	for _, id := range ids {
		if c := s.clients[id]; c != nil && c.json != nil {
			gone = append(gone, s.set(State{id, c.clock, []byte("null")}, c, now))
		}
	}
	return gone
}

// Expire removes the states that were not renewed for timeout, and returns the states
// to relay to the others. Stock clients use a timeout of 30 seconds. It also forgets
// the clocks of clients that left a minute ago, so it must be called every few
// seconds.
func (s *Set) Expire(now time.Time, timeout time.Duration) []State {
	var ids []uint64
	for id, c := range s.clients {
		switch {
		case c.json != nil && now.Sub(c.at) >= timeout:
			ids = append(ids, id)
		case c.json == nil && now.Sub(c.at) >= goneMemory:
			delete(s.clients, id)
		}
	}
	slices.Sort(ids)
	return s.Remove(ids, now)
}

// All returns every state, ordered by client id: what a new client receives. The JSON
// belongs to the set and must not be changed.
func (s *Set) All() []State {
	all := make([]State, 0, s.live)
	for id, c := range s.clients {
		if c.json != nil {
			all = append(all, State{id, c.clock, c.json})
		}
	}
	slices.SortFunc(all, func(a, b State) int { return cmp.Compare(a.ClientID, b.ClientID) })
	return all
}

// Len returns the number of clients with a state.
func (s *Set) Len() int { return s.live }

// Has reports whether the set holds a state of the client.
func (s *Set) Has(id uint64) bool {
	c := s.clients[id]
	return c != nil && c.json != nil
}

// HasChanges reports whether any of the states differs from the state that the set holds of
// its client. A renewal (the same JSON at a higher clock) is not a change.
func (s *Set) HasChanges(states []State) bool {
	for _, in := range states {
		c := s.clients[in.ClientID]
		if !in.Gone() && (c == nil || !bytes.Equal(c.json, in.JSON)) {
			return true
		}
	}
	return false
}

// Clock returns the highest clock received of a client; known is false if the set has
// none. A client that has left is known for a minute.
func (s *Set) Clock(id uint64) (clock uint64, known bool) {
	c := s.clients[id]
	if c == nil {
		return 0, false
	}
	return c.clock, true
}

// forgetGone forgets the clients that left first when too many are remembered: half
// of maxGone at once, so that the sorting is rare.
func (s *Set) forgetGone() {
	if len(s.clients)-s.live <= maxGone {
		return
	}
	type goneClient struct {
		id uint64
		at time.Time
	}
	var all []goneClient
	for id, c := range s.clients {
		if c.json == nil {
			all = append(all, goneClient{id, c.at})
		}
	}
	slices.SortFunc(all, func(a, b goneClient) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
	})
	for _, d := range all[:len(all)-maxGone/2] {
		delete(s.clients, d.id)
	}
}
