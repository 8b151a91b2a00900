package room

import (
	"time"

	"weft/presence"
	"weft/presence/awareness"
	"weft/server/auth"
)

// voices knows who may speak for an awareness client: the connection that
// introduced it, and the same person on another of theirs. A client id says
// nothing of who uses it, so without this anybody could move another's caret, or
// silence it for good.
type voices map[uint64]voice

// voice is whose a client is.
type voice struct {
	member *member // nil once it has left
	// user has the id kept for them until then, when they have left; empty for
	// anonymous people, whom nothing tells from others when they come back.
	user  string
	until time.Time
}

const (
	// kept is how long a client id waits for its person to come back.
	kept = 30 * time.Second
	// mostVoices bounds what is kept of those who left.
	mostVoices = 10_000
	// maxClients is for how many awareness clients one peer may speak: a
	// browser's tabs speak for each other.
	maxClients = 64
)

// A Prober is a Peer that can be asked whether it still lives. If it does not
// answer, it ends.
type Prober interface{ Probe() }

// A Toucher is a Peer that wants to know when its person does something that only
// the room can tell from a renewal: when their awareness says something new.
type Toucher interface{ Touch() }

// may tells whether m may say st.
//
// Whoever was first has the id. The same person may take it over: a client that
// comes back on a new connection while the old one is not found dead yet. Where
// nobody knows who is the same person, the old connection is asked to prove that
// it lives.
func (s *state) may(m *member, st awareness.State, now time.Time) bool {
	v, taken := s.voices[st.ClientID]
	switch {
	case v.member == m:
		return taken
	case st.Gone():
		return false // for others to say
	case taken && v.user != "" && v.user == m.name():
		return s.another(m)
	case taken && (v.member != nil || now.Before(v.until)):
		if clock, _ := s.aware.Clock(st.ClientID); v.member != nil && st.Clock > clock {
			if p, ok := v.member.peer.(Prober); ok {
				p.Probe()
			}
		}
		return false
	}
	return s.another(m)
}

// another tells whether m may speak for one client more.
func (s *state) another(m *member) bool {
	if len(m.clients) < maxClients {
		return true
	}
	s.silenced = true
	return false
}

// spoke makes m the voice of the clients whose news it has brought.
func (s *state) spoke(m *member, news []awareness.State, now time.Time) {
	for _, st := range news {
		v := s.voices[st.ClientID]
		if st.Gone() { // said by m, or to m, which will introduce it again
			delete(m.clients, st.ClientID)
			s.keep(st.ClientID, m.name(), now)
			continue
		}
		if v.member == m {
			continue
		}
		if v.member != nil {
			delete(v.member.clients, st.ClientID)
		}
		s.voices[st.ClientID] = voice{member: m, user: m.name()}
		m.clients[st.ClientID] = true
	}
}

// youth is how long a room may have clients that others in it knew before.
const youth = time.Minute

// returned picks the clients that may have been here before the room was loaded,
// as after a restart, and tells them that they are gone. They say the same state
// at the same clock again, which everybody who knew them ignores until it is
// renewed, up to 15 s later; told that they are gone, they renew it at once.
func (s *state) returned(states []awareness.State, now time.Time) (gone []awareness.State) {
	if now.Sub(s.born) > youth {
		return nil
	}
	for _, st := range states {
		if _, known := s.aware.Clock(st.ClientID); !known && st.Clock > 0 && !st.Gone() {
			gone = append(gone, awareness.State{ClientID: st.ClientID, Clock: st.Clock, JSON: []byte("null")})
		}
	}
	return gone
}

// silent takes the clients of a member that leaves, or may be seen no longer.
func (s *state) silent(m *member, now time.Time) {
	for id := range m.clients {
		s.keep(id, m.name(), now)
	}
	clear(m.clients)
}

// keep keeps an id for its person to come back.
func (s *state) keep(id uint64, user string, now time.Time) {
	if user != "" && len(s.voices) < mostVoices {
		s.voices[id] = voice{user: user, until: now.Add(kept)}
	} else {
		delete(s.voices, id)
	}
}

// expire lets go of ids that were kept in vain.
func (v voices) expire(now time.Time) {
	for id, kept := range v {
		if kept.member == nil && !now.Before(kept.until) {
			delete(v, id)
		}
	}
}

// name is who the member is to awareness: empty for anonymous people.
func (m *member) name() string {
	if m.who.Anonymous {
		return ""
	}
	return m.who.User
}

// stamped puts what is known of the member's person into its states.
func (m *member) stamped(states []awareness.State) []awareness.State {
	if m.person == nil {
		m.person = &awareness.Person{ID: m.who.User, Color: color(m.who.User), Clean: auth.CleanName}
		if !m.who.Anonymous {
			m.person.Name = m.who.Name
		}
	}
	for i := range states {
		if !states[i].Gone() {
			states[i].JSON = m.person.Stamp(states[i].JSON)
		}
	}
	return states
}

// color returns the colour of a person's preferred slot, as "#rrggbb".
func color(user string) string {
	return awareness.Palette[presence.PreferredSlot(user)].Light
}
