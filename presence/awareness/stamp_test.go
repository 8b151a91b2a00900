package awareness

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ana() Person { return Person{ID: "ana", Name: "Ana", Color: "#ba3535"} }

func TestStamp(t *testing.T) {
	guest := Person{ID: "guest-1", Color: "#028321", Clean: strings.TrimSpace}
	for _, c := range []struct {
		name     string
		who      Person
		in, want string
	}{
		{"an empty state", ana(), `{}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"only a caret", ana(), `{"cursor": {"a":[1,"}"]} }`, `{"cursor": {"a":[1,"}"]},"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"another person's name", ana(), `{"user":{"name":"Ben","id":"ben"},"x":1}`, `{"x":1,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a colour that the client chose", ana(), `{"x":"a,\"","user":{"color":"#00Ff00","colorLight":"#00ff0033","slot":3}}`, `{"x":"a,\"","user":{"color":"#00Ff00","colorLight":"#00ff0033","id":"ana","name":"Ana","slot":3}}`},
		{"colours with CSS code", ana(), `{"user":{"color":"red;background:url(x)","colorLight":"x"}}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a field user that is no object", ana(), `{"user":null}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a field user that occurs twice", ana(), `{"user":{"a":1},"b":2,"user":{"c":3}}`, `{"b":2,"user":{"c":3,"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a field user with an escaped name", ana(), `{"\u0075ser":{"name":"Ben"},"user2":1}`, `{"user2":1,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"numbers beyond float64", ana(), `{"n":12345678901234567890,"e":1e400}`, `{"n":12345678901234567890,"e":1e400,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a guest without the field user", guest, `{"cursor":null}`, `{"cursor":null}`},
		{"a name that a guest chose", guest, `{"user":{"name":" Zo <b> "}}`, `{"user":{"color":"#028321","id":"guest-1","name":"Zo <b>"}}`},
		{"a guest's name that is no string", guest, `{"user":{"name":["x"]}}`, `{"user":{"color":"#028321","id":"guest-1"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // the second time from what is kept
				if got := string(c.who.Stamp([]byte(c.in))); got != c.want {
					t.Errorf("Stamp(%s)\ngot  %s\nwant %s", c.in, got, c.want)
				}
			}
		})
	}
}

// FuzzStamp checks that the result is valid JSON, has the person in the field user,
// equals the state elsewhere, and is not much longer than it.
func FuzzStamp(f *testing.F) {
	for _, s := range []string{`{}`, `{"user":{"name":"x"}}`, `{"a":1 , "user" : [] , "b":{"user":1}}`, `{"user":1,"user":2,"\u0075ser":3}`, `{ "":"\\","user":"\""}`, "{\"a\":\"\u2028\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4096 || len(in) < 2 || in[0] != '{' || !json.Valid(in) {
			return
		}
		if in = in[:strings.LastIndexByte(string(in), '}')+1]; depth(in) > 16 {
			return
		}
		who := ana()
		out := who.Stamp(in)
		if len(out) > 2*len(in)+200 {
			t.Fatalf("a state of %d bytes has %d bytes after Stamp", len(in), len(out))
		}
		var before, after map[string]any
		errBefore, errAfter := json.Unmarshal(in, &before), json.Unmarshal(out, &after)
		if !json.Valid(out) || (errBefore == nil) != (errAfter == nil) {
			t.Fatalf("Stamp(%q) = %q: decoding gives %v before and %v after", in, out, errBefore, errAfter)
		}
		if errBefore != nil { // a number beyond float64
			return
		}
		user, ok := after["user"].(map[string]any)
		if !ok || user["id"] != "ana" || user["name"] != "Ana" || !isColor(user["color"].(string), 7) {
			t.Fatalf("Stamp(%q) = %q: want user ana with a valid colour", in, out)
		}
		delete(before, "user")
		delete(after, "user")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkStamp(b *testing.B) {
	state := []byte(`{"user":{"name":"Ana","color":"#ba3535"},"cursor":{"anchor":{"type":null,"tname":"default","item":{"client":1,"clock":7},"assoc":0},"head":{"type":null,"tname":"default","item":{"client":1,"clock":7},"assoc":0}}}`)
	who := ana()
	b.ReportAllocs()
	for b.Loop() {
		who.Stamp(state)
	}
}
