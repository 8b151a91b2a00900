package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Identity is who is at the other end, as the server knows it.
type Identity struct {
	User   string // stable id
	Name   string // display name, plain text
	Avatar string
	Guest  bool
	// Grants are tried in order, the first match wins. No match is None.
	Grants  []Grant
	Expires time.Time // zero: never

	access *Access // may take rights away at any time
}

// Grant gives a role in the rooms that a pattern matches. It travels as
// ["docs/42","write"].
type Grant struct {
	Pattern string
	Role    Role
}

// Role returns what the identity may do in the room now: what its grants say, or
// less if the server's Access says so.
func (id Identity) Role(room string) Role {
	for _, g := range id.Grants {
		if g.Matches(room) {
			return id.access.limit(id.User, room, g.Role)
		}
	}
	return None
}

// Everywhere returns what the identity may do in all rooms, as far as one grant
// says so.
func (id Identity) Everywhere() Role {
	if len(id.Grants) > 0 && id.Grants[0].Pattern == "**" && len(id.access.Get(id.User)) == 0 {
		return id.Grants[0].Role
	}
	return None
}

// Matches tells whether the pattern names the room: segment by segment, "*" as
// the last segment matches any one segment, "**" as the last any one or more.
func (g Grant) Matches(room string) bool {
	switch {
	case g.Pattern == "**":
		return true
	case strings.HasSuffix(g.Pattern, "/**"):
		prefix := strings.TrimSuffix(g.Pattern, "**")
		return len(room) > len(prefix) && strings.HasPrefix(room, prefix)
	case g.Pattern == "*" || strings.HasSuffix(g.Pattern, "/*"):
		prefix := strings.TrimSuffix(g.Pattern, "*")
		rest, ok := strings.CutPrefix(room, prefix)
		return ok && rest != "" && !strings.Contains(rest, "/")
	}
	return g.Pattern == room
}

// UnmarshalJSON reads ["pattern","role"].
func (g *Grant) UnmarshalJSON(b []byte) error {
	var pair []string
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 2 {
		return errors.New(`auth: a grant is ["room pattern","role"]`)
	}
	role, err := ParseRole(pair[1])
	if err != nil {
		return err
	}
	body, deep := strings.CutSuffix(pair[0], "**")
	if !deep {
		body = strings.TrimSuffix(pair[0], "*")
	}
	if pair[0] == "" || strings.Contains(body, "*") || body != "" && body != pair[0] && !strings.HasSuffix(body, "/") {
		return fmt.Errorf("auth: bad room pattern %q: a star may only be the last segment", pair[0])
	}
	*g = Grant{Pattern: pair[0], Role: role}
	return nil
}

// MarshalJSON writes ["pattern","role"].
func (g Grant) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{g.Pattern, g.Role.String()})
}

// MaxName is the longest display name, in bytes.
const MaxName = 64

// CleanName makes a display name fit to show: control and formatting
// characters become spaces, runs of spaces one, and it is cut at MaxName bytes
// between characters. It may return the empty string.
func CleanName(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > MaxName {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// MaxAvatar is the longest address of a picture, in bytes.
const MaxAvatar = 2048

// CleanAvatar returns the address of a picture if it is one that pages may show,
// http or https with a host or a path, and the empty string otherwise.
func CleanAvatar(s string) string {
	if len(s) > MaxAvatar || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("\"'<>\\`", r)
	}) {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.User != nil:
		return ""
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/"):
		return s // on the page's own origin
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
		return s
	}
	return ""
}
