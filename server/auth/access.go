package auth

import "sync"

// Access holds the ceilings that a backend has put on people: what they may do
// at most, whatever their tokens say, which stay good until they run out. A
// ceiling is a list of grants as a token has them; rooms that none of them
// matches are not limited. Safe for concurrent use.
type Access struct {
	mu       sync.RWMutex
	ceilings map[string][]Grant
}

// Set replaces a person's ceiling; an empty one lifts it.
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

// Get returns a person's ceiling. A nil Access has none for anybody.
func (a *Access) Get(user string) []Grant {
	if a == nil {
		return nil
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.ceilings[user]
}

// Ceiling returns what a person may do at most in a room, Admin if nothing is
// said of it.
func (a *Access) Ceiling(user, room string) Role { return a.limit(user, room, Admin) }

// limit lowers a role to the person's ceiling in the room.
func (a *Access) limit(user, room string, role Role) Role {
	for _, g := range a.Get(user) {
		if g.Matches(room) {
			return min(role, g.Role)
		}
	}
	return role
}
