package chat

import (
	"strings"
	"testing"
	"unicode/utf16"

	"weft/server/store"
)

// marked returns a snippet's text with its marks in brackets. It fails the test if the
// marks overlap or lie outside of the text.
func marked(t *testing.T, s Snippet) string {
	t.Helper()
	units := utf16.Encode([]rune(s.Text))
	out, at := "", 0
	for _, m := range s.Marks {
		if m[0] < at || m[1] < 1 || m[0]+m[1] > len(units) {
			t.Fatalf("marks %v do not fit %q", s.Marks, s.Text)
		}
		out += string(utf16.Decode(units[at:m[0]])) + "[" + string(utf16.Decode(units[m[0]:m[0]+m[1]])) + "]"
		at = m[0] + m[1]
	}
	return out + string(utf16.Decode(units[at:]))
}

func TestSnippetShowsTheWordsThatMatch(t *testing.T) {
	long := strings.Repeat("lorem ipsum ", 30)
	for _, c := range []struct{ text, query, want string }{
		{"Osmosis moves water", "osmo", "[Osmosis] moves water"},
		{"🎉🎉 Café\tau\nlait 🎉", "cafe lait ", "🎉🎉 [Café] au [lait] 🎉"},
		{"<b>osmosis</b>", "osmosis ", "<b>[osmosis]</b>"},
		{"滲透是水", "水", "滲透是[水]"},
		{"osmotic osmosis", "osmosis ", "osmotic [osmosis]"},
		{long + "osmosis " + long, "osmosis ", "…" + strings.Repeat("lorem ipsum ", 3) + "[osmosis] " + strings.Repeat("lorem ipsum ", 9) + "lorem ip…"},
		{strings.Repeat("x", 500) + "-here", "here ", "…" + strings.Repeat("x", 39) + "-[here]"},
		{"nothing", "else ", "nothing"},
		{"", "x ", ""},
	} {
		if got := marked(t, makeSnippet(c.text, store.ParseQuery(c.query))); got != c.want {
			t.Errorf("snippet of %.40q for %q:\ngot  %q,\nwant %q", c.text, c.query, got, c.want)
		}
	}
}

func FuzzSnippet(f *testing.F) {
	f.Add("🎉 Osmosis moves water", "osmo wat")
	f.Fuzz(func(t *testing.T, text, query string) {
		s := makeSnippet(text, store.ParseQuery(query))
		marked(t, s)
		if n := len([]rune(s.Text)); n > snippetRunes+2 {
			t.Fatalf("the snippet has %d characters, want at most %d", n, snippetRunes+2)
		}
		if strings.ContainsAny(s.Text, "\r\n\x00") {
			t.Fatalf("control characters in the snippet %q", s.Text)
		}
	})
}
