// Package auth verifies tokens (JWT, RFC 7519) and decides what their bearer may do.
//
//	token ── Verifier.Identify ──▶ Identity ── Identity.Role(room) ──▶ Role
//	                                             limited by Access (ceilings)
//
// Tokens are signed with a shared secret (HS256) or by an issuer whose public keys
// package jwks fetches. In open mode a request without a token becomes a new guest.
package auth

import "fmt"

// Role is what a person may do in a room. Each role includes all smaller ones.
type Role int

// The roles, from least to most.
const (
	None    Role = iota
	Read         // read document, chat and presence
	Comment      // also chat, react, and be present
	Write        // also change the document
	Admin        // also delete the room
)

var roleNames = [...]string{"none", "read", "comment", "write", "admin"}

// String returns the name that tokens use: "none", "read", "comment", "write" or "admin".
func (r Role) String() string {
	if r < None || r > Admin {
		return fmt.Sprintf("role(%d)", int(r))
	}
	return roleNames[r]
}

// ParseRole parses a name that String returns.
func ParseRole(s string) (Role, error) {
	for r, name := range roleNames {
		if s == name {
			return Role(r), nil
		}
	}
	return None, fmt.Errorf("auth: unknown role %q: want none, read, comment, write or admin", s)
}
