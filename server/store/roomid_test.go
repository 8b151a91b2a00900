package store

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRoomIDAcceptsAndRefuses(t *testing.T) {
	for _, good := range []string{
		"a", "docs/42", "class/7/notes", " ", "a b", "...", "a..b/.c", "*?[]{}:\\%2e", "naïve/日本", strings.Repeat("x", 128), strings.Repeat("é", 64),
	} {
		if id, err := ParseRoomID(good); err != nil || string(id) != good {
			t.Errorf("ParseRoomID(%q) = %q, %v, want it accepted", good, id, err)
		}
	}
	for _, bad := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\x00b", "a\r\nb", "a\x7f", "\u0085", "\xff", "a\xed\xa0\x80",
		strings.Repeat("x", 129), strings.Repeat("é", 64) + "x",
	} {
		if id, err := ParseRoomID(bad); !errors.Is(err, ErrRoomID) || id != "" {
			t.Errorf("ParseRoomID(%q) = %q, %v, want ErrRoomID", bad, id, err)
		}
	}
}
