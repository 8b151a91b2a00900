package room

import (
	"time"

	"weft/presence"
	"weft/presence/awareness"
	"weft/server/auth"
)

// clientOwners says, for each awareness client id, which member may set its state. A
// client id does not identify its user, so without this anybody could move another
// person's caret, or remove it for good.
//
//	free ──first state──▶ owned by a member ──it leaves──▶ reserved for its user
//	 ▲                       ▲        │                        │        │
//	 │                       └────────┼────the same user───────┘        │
//	 │                                └─ it leaves, anonymous ──┐       │ after reserveFor
//	 └──────────────────────────────────────────────────────────┴───────┘
type clientOwners map[uint64]clientOwner

// clientOwner is the owner of one client id.
type clientOwner struct {
	member *member // nil once it has left: then the client id is reserved for user
	// user is the owner's user id. It is empty for anonymous people: after a reconnect the
	// room cannot recognise them.
	user  string
	until time.Time // end of the reservation
}

const (
	// reserveFor is how long a client id is kept for its user to reconnect.
	reserveFor = 30 * time.Second
	// maxReserved bounds the ids that are owned or reserved before no more are reserved.
	maxReserved = 10_000
	// maxClients is how many awareness clients one peer may own. It is more than one, as a
	// browser's tabs send each other's states.
	maxClients = 64
)

// maySet reports whether m may set the state of its client.
//
// The first member that sets the state owns the client. Another connection of the same user
// may take the client over: a client may reconnect before its old connection is found dead.
// The room cannot know whether two anonymous people are the same. So it returns the member
// with the old connection as probe: that connection must show that it is alive.
func (s *state) maySet(m *member, st awareness.State, now time.Time) (allowed bool, probe *member) {
	owner, taken := s.owners[st.ClientID]
	switch {
	case owner.member == m:
		return taken, nil
	case st.Gone():
		return false, nil // only the owner may remove a state
	case taken && owner.user != "" && owner.user == m.userID():
		return s.mayOwnMore(m), nil
	case taken && (owner.member != nil || now.Before(owner.until)):
		if clock, _ := s.aware.Clock(st.ClientID); owner.member != nil && st.Clock > clock {
			return false, owner.member
		}
		return false, nil
	}
	return s.mayOwnMore(m), nil
}

// mayOwnMore reports whether m may own one more client.
func (s *state) mayOwnMore(m *member) bool {
	if len(m.clients) < maxClients {
		return true
	}
	s.tooManyClients = true
	return false
}

// setOwners makes m the owner of the clients whose new states it has sent.
func (s *state) setOwners(m *member, news []awareness.State, now time.Time) {
	for _, st := range news {
		owner := s.owners[st.ClientID]
		if st.Gone() { // the client removed its state, or the room removed it (clientsToRenew) and m's client will set it again
			delete(m.clients, st.ClientID)
			s.reserveClient(st.ClientID, m.userID(), now)
			continue
		}
		if owner.member == m {
			continue
		}
		if owner.member != nil {
			delete(owner.member.clients, st.ClientID)
		}
		s.owners[st.ClientID] = clientOwner{member: m, user: m.userID()}
		m.clients[st.ClientID] = true
	}
}

// releaseClients takes all clients from a member that leaves or may not be seen any more.
func (s *state) releaseClients(m *member, now time.Time) {
	for id := range m.clients {
		s.reserveClient(id, m.userID(), now)
	}
	clear(m.clients)
}

// reserveClient reserves a client id for its user. It frees the id if the user is anonymous,
// or if maxReserved ids are owned or reserved.
func (s *state) reserveClient(id uint64, user string, now time.Time) {
	if user != "" && len(s.owners) < maxReserved {
		s.owners[id] = clientOwner{user: user, until: now.Add(reserveFor)}
	} else {
		delete(s.owners, id)
	}
}

// expire frees the ids whose user has not reconnected in time.
func (o clientOwners) expire(now time.Time) {
	for id, owner := range o {
		if owner.member == nil && !now.Before(owner.until) {
			delete(o, id)
		}
	}
}

// userID returns the member's user id, empty for anonymous people.
func (m *member) userID() string {
	if m.info.Anonymous {
		return ""
	}
	return m.info.User
}

// stamp puts the identity of the member's person into states, in place.
func (m *member) stamp(states []awareness.State) {
	if m.person == nil {
		m.person = &awareness.Person{ID: m.info.User, Color: color(m.info.User), Clean: auth.CleanName}
		if !m.info.Anonymous {
			m.person.Name = m.info.Name
		}
	}
	for i := range states {
		if !states[i].Gone() {
			states[i].JSON = m.person.Stamp(states[i].JSON)
		}
	}
}

// color returns the colour of a user's preferred slot, as "#rrggbb".
func color(user string) string {
	return awareness.Palette[presence.PreferredSlot(user)].Light
}
