package auth

import "sync"

// Access holds the ceilings that a backend has set for people. A ceiling limits what a
// person may do in a room, whatever their token grants: a token cannot be revoked before
// it expires. A ceiling is a list of grants like a token's; in a room that no grant
// matches, the person is not limited. Safe for concurrent use.
type Access struct {
	mu       sync.RWMutex
	ceilings map[string][]Grant
}

// Set replaces a person's ceiling. An empty ceiling removes the limit.
func (a *Access) Set(user string, ceiling []Grant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(ceiling) == 0 {
		delete(a.ceilings, user)
		return
	}
	if a.ceilings == nil {
		a.ceilings = map[string][]Grant{}
	}
	a.ceilings[user] = ceiling
}

// Get returns a person's ceiling, nil if there is none. A nil Access has no ceilings.
func (a *Access) Get(user string) []Grant {
	if a == nil {
		return nil
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.ceilings[user]
}

// Ceiling returns the highest role that a person may have in a room; Admin if no grant of
// their ceiling matches it.
func (a *Access) Ceiling(user, room string) Role { return a.limit(user, room, Admin) }

// limit returns role, lowered to the person's ceiling in the room.
func (a *Access) limit(user, room string, role Role) Role {
	for _, g := range a.Get(user) {
		if g.Matches(room) {
			return min(role, g.Role)
		}
	}
	return role
}
