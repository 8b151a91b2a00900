package room

import (
	"slices"
	"time"

	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/wire"
)

// applyAwareness applies an awareness update. All peers get what is new, its sender too:
// for a y-websocket client that is alone and idle this echo is the only sign of life. A
// person needs the role to comment to be seen; readers see others only.
func (s *state) applyAwareness(m *member, payload []byte, now time.Time) []effect {
	effects := s.few[:0]
	s.tooManyClients = false
	states, err := awareness.Limits{}.DecodeIf(payload, func(st awareness.State) bool {
		if m.info.Role < auth.Comment {
			return false
		}
		allowed, probe := s.maySet(m, st, now)
		if probe != nil {
			effects = append(effects, effect{kind: effectProbe, to: probe})
		}
		return allowed
	})
	if err != nil {
		return append(effects, closeForError(m, err)...)
	}
	states = s.limitClients(m, states)
	if s.tooManyClients {
		effects = append(effects, effect{kind: effectLimit, limit: "awareness-clients"})
	}
	renew := s.clientsToRenew(states, now)
	m.stamp(states)
	active := s.aware.HasChanges(states)
	news := s.aware.Apply(states, now)
	if len(news) == 0 {
		return effects
	}
	if active {
		effects = append(effects, effect{kind: effectTouch, to: m})
	}
	s.setOwners(m, news, now)
	effects = append(effects, effect{kind: effectAwareness, states: news})
	if len(renew) > 0 {
		body := wire.AppendAwareness(nil, awareness.Append(nil, renew))
		effects = append(effects, effect{kind: effectSend, to: m, body: body})
	}
	return effects
}

// limitClients removes the states of new clients with which m would own more than
// maxClients.
func (s *state) limitClients(m *member, states []awareness.State) []awareness.State {
	free := maxClients - len(m.clients)
	if len(states) <= free {
		return states
	}
	return slices.DeleteFunc(states, func(st awareness.State) bool {
		if m.clients[st.ClientID] {
			return false
		}
		free--
		s.tooManyClients = s.tooManyClients || free < 0
		return free < 0
	})
}

// renewWindow is how long after loading a room may meet clients that others in it knew
// before.
const renewWindow = time.Minute

// clientsToRenew returns null states for the clients that other peers may have known
// before this room was loaded, as after a restart. Such a client sends its state with a
// clock that those peers have seen already, so they ignore it until the client renews it, up
// to 15 s later. A client that gets a null state of its own renews at once.
func (s *state) clientsToRenew(states []awareness.State, now time.Time) (renew []awareness.State) {
	if now.Sub(s.loaded) > renewWindow {
		return nil
	}
	for _, st := range states {
		if _, known := s.aware.Clock(st.ClientID); !known && st.Clock > 0 && !st.Gone() {
			renew = append(renew, awareness.State{ClientID: st.ClientID, Clock: st.Clock, JSON: []byte("null")})
		}
	}
	return renew
}
