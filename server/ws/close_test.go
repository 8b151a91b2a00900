package ws

import (
	"strings"
	"testing"
)

// TestTruncateKeepsWholeCharacters: a close reason must be valid UTF-8 (RFC 6455, 5.5.1).
func TestTruncateKeepsWholeCharacters(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"añb", 2, "a"},
		{"añb", 3, "añ"},
		{"日本", 5, "日"},
		{"日本", 2, ""},
		{strings.Repeat("€", 100), maxCloseReason, strings.Repeat("€", 40)},
	} {
		if got := truncate(c.s, c.n); got != c.want {
			t.Errorf("truncate(%q, %d): got %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
