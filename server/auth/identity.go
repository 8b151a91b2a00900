package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Identity is the person whose token was verified, and their rights.
type Identity struct {
	User   string // stable id, unique among all people
	Name   string // display name, plain text, at most MaxName bytes
	Avatar string // URL of a picture, see CleanAvatar; empty: none
	Guest  bool   // made by this server in open mode
	// Grants are tried in order; the first whose pattern matches the room decides. If
	// none matches, the role is None.
	Grants  []Grant
	Expires time.Time // of the token; zero: never

	access *Access // ceilings, which may change at any time
}

// Grant gives a role in the rooms that match a pattern. Its JSON form is
// ["docs/42","write"].
type Grant struct {
	Pattern string
	Role    Role
}

// Role returns the person's current role in the room: that of the first matching grant,
// limited by their ceiling (Access).
func (id Identity) Role(room string) Role {
	for _, g := range id.Grants {
		if g.Matches(room) {
			return id.access.limit(id.User, room, g.Role)
		}
	}
	return None
}

// Everywhere returns the role that the person has in every room, if their first grant is
// for all rooms and they have no ceiling; else None.
func (id Identity) Everywhere() Role {
	if len(id.Grants) > 0 && id.Grants[0].Pattern == "**" && len(id.access.Get(id.User)) == 0 {
		return id.Grants[0].Role
	}
	return None
}

// Matches reports whether the pattern matches the room id. Segments are compared one by
// one. As the last segment, "*" matches exactly one segment and "**" one or more.
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
		return errors.New(`auth: grant: want ["room pattern","role"]`)
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
		return fmt.Errorf("auth: room pattern %q: * and ** are allowed only as the last segment", pair[0])
	}
	*g = Grant{Pattern: pair[0], Role: role}
	return nil
}

// MarshalJSON writes ["pattern","role"].
func (g Grant) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{g.Pattern, g.Role.String()})
}

// MaxName is the maximum length of a display name, in bytes.
const MaxName = 64

// CleanName makes a display name safe to show. Control and bidi formatting characters
// become spaces, runs of spaces one space, and the name is cut to MaxName bytes between
// characters. The result may be empty.
func CleanName(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > MaxName {
		s = strings.ToValidUTF8(s[:MaxName], "") // drops the character that was cut in two
	}
	return strings.TrimSpace(s)
}

// MaxAvatar is the maximum length of a picture's URL, in bytes.
const MaxAvatar = 2048

// CleanAvatar returns s if pages may show it as a picture: an http or https URL with a
// host, or a path on the page's own origin. Otherwise it returns the empty string.
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
