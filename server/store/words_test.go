package store

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func TestWordsAreFoldedAndLocated(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"Hello, World!":              "hello world",
		"Zoë ZOË zoe\u0308 Ångström": "zoe zoe zoe angstrom",
		"don't foo_bar a-b x@y.de":   "don t foo bar a b x y de",
		"3.14 v2 №5 ½":               "3 14 v2 5 ½",
		"漢字かな交じりtext":                "漢 字 か な 交 じ り text",
		"한국어 검색":                     "한국어 검색",
		"Ελλάδα ПРИВЕТ й":            "ελλαδα привет и",
		"🎉 ok 👍🏽":                    "ok",
		"\u0301 x \xff y":            "x y",
		strings.Repeat("é", 100):     strings.Repeat("e", 32),
	} {
		var got []string
		end := 0
		for w := range Words(text) {
			if w.Start < end || w.End <= w.Start || w.End > len(text) {
				t.Errorf("Words(%q): word from byte %d to %d, want it after byte %d and within %d bytes", text, w.Start, w.End, end, len(text))
			}
			end = w.End
			got = append(got, w.Term)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("Words(%q) = %q, want %q", text, s, want)
		}
	}
}

func TestParseQueryFindsPhrasesAndAPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "[] false",
		"  !? ":                    "[] false",
		"Foo":                      "[[foo]] true",
		"foo ":                     "[[foo]] false",
		"foo b":                    "[[foo] [b]] false",
		"foo ba":                   "[[foo] [ba]] true",
		"foo ba.":                  "[[foo] [ba]] false",
		`"foo bar" baz`:            "[[foo bar] [baz]] true",
		`baz "foo bar"`:            "[[baz] [foo bar]] false",
		`baz "foo bar`:             "[[baz] [foo bar]] false",
		`"" foo`:                   "[[foo]] true",
		"foo-bar":                  "[[foo bar]] true",
		"text:foo NEAR(a b) OR x*": "[[text foo] [near a] [b] [or] [x]] false",
		"漢字":                       "[[漢 字]] false",
		`^foo) "a"b"c`:             "[[foo] [a] [b] [c]] false",
	} {
		if q := ParseQuery(text); fmt.Sprint(q.Phrases, q.LastIsPrefix) != want {
			t.Errorf("ParseQuery(%q) = %v %v, want %s", text, q.Phrases, q.LastIsPrefix, want)
		}
	}
	if q := ParseQuery(strings.Repeat("word ", 100)); len(q.Phrases) != maxPhrases {
		t.Errorf("ParseQuery of 100 words has %d phrases, want %d", len(q.Phrases), maxPhrases)
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Zoë 漢字 \"quoted\" x")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for w := range Words(text) {
			if w.Start < end || w.End <= w.Start || w.End > len(text) || w.Term == "" || len(w.Term) > 3*maxWord {
				t.Fatalf("Words(%q): invalid word %+v after byte %d", text, w, end)
			}
			end = w.End
			for _, r := range w.Term {
				if !isWordRune(r) && !unicode.IsMark(r) || r < 0x80 && !unicode.IsLower(r) && !unicode.IsDigit(r) {
					t.Fatalf("Words(%q): word %+v contains %q", text, w, r)
				}
			}
		}
		for _, phrase := range ParseQuery(text).Phrases {
			if len(phrase) == 0 {
				t.Fatalf("ParseQuery(%q) has an empty phrase", text)
			}
		}
	})
}
