package awareness

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// Options of a Set. The zero value means the defaults.
type Options struct {
	// ClockWindow is how far the clock of a known client may jump at once.
	// Without a bound, one forged entry at 2^53−1 silences its victim for the
	// rest of the session, because no later clock of theirs is ever higher.
	// 0 means 10,000; math.MaxUint64 lets everything pass.
	ClockWindow uint64
	// Clients is how many clients may have a state at once; states of further
	// ones are refused. 0 means 10,000.
	Clients int
}

// A departed client's clock is remembered for memory, of at most maxGone clients.
const (
	memory  = time.Minute
	maxGone = 4096
	// wakeEvery bounds how often one id is asked to speak up.
	wakeEvery = 50 * time.Millisecond
)

// Set is the awareness of one room as a server holds it. The zero value is ready
// and has default options. Not for concurrent use.
//
// # Receiving
//
// K is the highest clock heard of a client, 0 if none:
//
//	clock > K                               accepted; K = clock; null removes
//	clock = K, null, we hold a state        accepted; removes
//	clock = 0, a state, client unknown      accepted
//	clock = K, a state, we hold none        wakes, see below
//	else                                    ignored
//
// The first two rows are those of stock clients. The third is ours: a stock
// client publishes its first, mostly empty, state with clock 0, and stock
// receivers ignore it until the clock moves. Knowing it early lets the server
// tie the id to its connection; relaying it is harmless, they ignore it still.
//
// Ignored entries are never relayed: stock clients send every change they
// receive back to the server, and only this stops the echo.
//
// # Leaving and coming back
//
// A client whose connection ended is removed with null at its own clock K, the
// only clock that works: a lower one is ignored by everybody, a higher one would
// make its next states look old. But everybody keeps K, and a client that
// reconnects says the same state at the same K, which they ignore for up to 15
// seconds, until it renews. Forgetting K here alone would not help them, and
// would let a copy of the old state, still on its way back from another client,
// stand up again as a ghost.
//
// So the set remembers K for a minute, and answers a state at exactly that K with
// null at K, as an accepted entry, to be relayed to everyone including the
// sender. The others hold no state and ignore it. The sender sees its own id
// declared gone, and a stock client answers that at once with its state at K+1,
// which everybody accepts: it is visible again within a round trip. A client
// that does not know this rule waits for its own renewal, as it would with any
// other server. Should the answer be lost, so it is too.
type Set struct {
	options Options
	clients map[uint64]*client
	live    int // clients with a state
}

type client struct {
	clock uint64
	json  []byte    // nil: gone
	at    time.Time // last accepted entry, or when it went
	woken time.Time // when its id was last declared gone in reply
}

// NewSet makes an empty set.
func NewSet(o Options) *Set { return &Set{options: o} }

func (s *Set) window() uint64 {
	return cmp.Or(s.options.ClockWindow, 10_000)
}

func (s *Set) maxClients() int {
	return cmp.Or(s.options.Clients, 10_000)
}

// Apply takes states that a client sent, in order, and returns what is to be
// relayed to everyone in the room, the sender included: it is the sender's sign
// that the server lives, and what wakes a returning client. The result owns its
// bytes. Whether the sender may speak for the ids is the caller's to check
// before.
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
	case !in.Gone() && c.json == nil && now.Sub(c.woken) >= wakeEvery:
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
		s.forgetSome()
		return State{in.ClientID, in.Clock, []byte("null")}
	}
	s.live++
	c.json = bytes.Clone(in.JSON)
	return State{in.ClientID, in.Clock, c.json}
}

// Remove ends the states of clients whose connection ended, and returns the
// entries that tell the others. Ids without a state are passed over.
func (s *Set) Remove(ids []uint64, now time.Time) []State {
	var gone []State
	for _, id := range ids {
		if c := s.clients[id]; c != nil && c.json != nil {
			gone = append(gone, s.set(State{id, c.clock, []byte("null")}, c, now))
		}
	}
	return gone
}

// Expire removes the states not renewed for timeout, as stock clients do with 30
// seconds, and returns the entries that tell the others. It also forgets the
// departed after their minute, so call it now and then: every few seconds is
// what clients do.
func (s *Set) Expire(now time.Time, timeout time.Duration) []State {
	var ids []uint64
	for id, c := range s.clients {
		switch {
		case c.json != nil && now.Sub(c.at) >= timeout:
			ids = append(ids, id)
		case c.json == nil && now.Sub(c.at) >= memory:
			delete(s.clients, id)
		}
	}
	slices.Sort(ids)
	return s.Remove(ids, now)
}

// All returns every state held, by client id: what a newcomer is told. The
// slices are the set's own and must not be changed.
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

// Len is the number of clients with a state.
func (s *Set) Len() int { return s.live }

// Knows tells whether the set holds a state of the client.
func (s *Set) Has(id uint64) bool {
	c := s.clients[id]
	return c != nil && c.json != nil
}

// News tells whether any of the states says something else than the one held of its
// client: a renewal does not.
func (s *Set) HasChanges(states []State) bool {
	for _, in := range states {
		c := s.clients[in.ClientID]
		if !in.Gone() && (c == nil || !bytes.Equal(c.json, in.JSON)) {
			return true
		}
	}
	return false
}

// Clock returns the highest clock heard of a client, if it is known, gone or not.
func (s *Set) Clock(id uint64) (clock uint64, known bool) {
	c := s.clients[id]
	if c == nil {
		return 0, false
	}
	return c.clock, true
}

// forgetSome drops the longest departed when too many are remembered: half of
// them at once, so that the search is paid rarely.
func (s *Set) forgetSome() {
	if len(s.clients)-s.live <= maxGone {
		return
	}
	type departed struct {
		id uint64
		at time.Time
	}
	var all []departed
	for id, c := range s.clients {
		if c.json == nil {
			all = append(all, departed{id, c.at})
		}
	}
	slices.SortFunc(all, func(a, b departed) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
	})
	for _, d := range all[:len(all)-maxGone/2] {
		delete(s.clients, d.id)
	}
}
