package text

import (
	"testing"
	"unicode/utf8"
)

func TestCutsFallBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		s            string
		n            int
		first, short string
	}{
		{"", 3, "", ""},
		{"abc", 0, "", "…"},
		{"abc", -1, "", "…"},
		{"abc", 2, "ab", "ab…"},
		{"abc", 3, "abc", "abc"},
		{"abc", 4, "abc", "abc"},
		{"é漢🎉x", 3, "é漢🎉", "é漢🎉…"},
		{"é漢🎉", 3, "é漢🎉", "é漢🎉"},
		{"\xff\xffa", 2, "\xff\xff", "\xff\xff…"},
	} {
		if got := First(c.s, c.n); got != c.first {
			t.Errorf("First(%q, %d) = %q, want %q", c.s, c.n, got, c.first)
		}
		if got := Shorten(c.s, c.n); got != c.short {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.s, c.n, got, c.short)
		}
	}
}

func FuzzFirst(f *testing.F) {
	f.Add("é漢🎉x", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := First(s, n)
		if utf8.RuneCountInString(got) != min(max(n, 0), utf8.RuneCountInString(s)) {
			t.Fatalf("First(%q, %d) = %q", s, n, got)
		}
	})
}
