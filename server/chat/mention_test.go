package chat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/server/store"
)

var people = []store.User{{ID: "ana", Name: "Ana"}, {ID: "u2", Name: "Ana Maria"}, {ID: "ben", Name: "Ben"}, {ID: "b2", Name: "ben k."}, {ID: "z1", Name: "Zoë"}, {ID: "t1", Name: "Twin"}, {ID: "t2", Name: "twin"}}

func TestMentionsAreFound(t *testing.T) {
	// want lists the ids in order; * is @room.
	for text, want := range map[string]string{
		"hi @ben":                  "ben",
		"@Ben, look":               "ben",
		"@BEN.":                    "ben",
		"(@ana)":                   "ana",
		"@ana maria said":          "u2",
		"@ana  maria":              "ana",
		"@ana @ben @ana":           "ana ben",
		"@zoë!":                    "z1",
		"@ben k. is here":          "b2",
		"mail me@ben.example":      "",
		"@benjamin":                "",
		"@twin":                    "",
		"@t1":                      "t1",
		"`@ben` and @ana":          "ana",
		"an odd ` and @ben":        "ben",
		"``a @ben`` @ana":          "ana",
		"`not\n@ben` @ana":         "ben ana",
		"```\n@ben\n``` @ana":      "ana",
		"``` @ben":                 "ben",
		"\\`@ben` @ana":            "ben ana",
		"`` @ben":                  "ben",
		"@room hello":              "*",
		"@":                        "",
		"@@ben":                    "ben",
		"@nobody":                  "",
		"":                         "",
		strings.Repeat("@ben ", 9): "ben",
	} {
		var got []string
		for _, m := range Mentions(text, people) {
			if m.Room {
				got = append(got, "*")
			} else {
				got = append(got, m.User)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("mentions in %q (-want +got): %s", text, diff)
		}
	}
}

func TestMentionsAreBounded(t *testing.T) {
	var many []store.User
	var text strings.Builder
	for i := range 100 {
		id := "p" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		many = append(many, store.User{ID: id, Name: id})
		text.WriteString("@" + id + " ")
	}
	if n := len(Mentions(text.String(), many)); n != MaxMentions {
		t.Errorf("%d mentions, want %d", n, MaxMentions)
	}
	// After maxTries the rest of a text is plain text, however long it is.
	if n := len(Mentions(strings.Repeat("@nobody ", maxTries)+"@"+many[0].ID, many)); n != 0 {
		t.Errorf("%d mentions after %d tries, want none", n, maxTries)
	}
}

func FuzzMentions(f *testing.F) {
	f.Add("hi @ben and @ana maria `@x`")
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(Mentions(text, people)); n > MaxMentions {
			t.Fatalf("%d mentions in %q, want at most %d", n, text, MaxMentions)
		}
	})
}
