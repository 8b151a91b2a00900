// Package auth turns a token into an Identity, and an Identity into what it
// may do in a room.
package auth

import "fmt"

// Role is what a person may do in a room; each includes the former.
type Role int

// The roles, from least to most.
const (
	None    Role = iota
	Read         // see the document, the chat, the people
	Comment      // and chat, react, be present
	Write        // and change the document
	Admin        // and delete the room
)

var roleNames = [...]string{"none", "read", "comment", "write", "admin"}

// String returns the role's name in tokens.
func (r Role) String() string {
	if r < None || r > Admin {
		return fmt.Sprintf("role(%d)", int(r))
	}
	return roleNames[r]
}

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	for r, name := range roleNames {
		if s == name {
			return Role(r), nil
		}
	}
	return None, fmt.Errorf("auth: unknown role %q: it is one of none, read, comment, write, admin", s)
}
