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
		{"nothing yet", ana(), `{}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"only a caret", ana(), `{"cursor": {"a":[1,"}"]} }`, `{"cursor": {"a":[1,"}"]},"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"another's name", ana(), `{"user":{"name":"Ben","id":"ben"},"x":1}`, `{"x":1,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a colour of her own", ana(), `{"x":"a,\"","user":{"color":"#00Ff00","colorLight":"#00ff0033","slot":3}}`, `{"x":"a,\"","user":{"color":"#00Ff00","colorLight":"#00ff0033","id":"ana","name":"Ana","slot":3}}`},
		{"colours that are code", ana(), `{"user":{"color":"red;background:url(x)","colorLight":"x"}}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a user that is none", ana(), `{"user":null}`, `{"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"said twice", ana(), `{"user":{"a":1},"b":2,"user":{"c":3}}`, `{"b":2,"user":{"c":3,"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"said in disguise", ana(), `{"\u0075ser":{"name":"Ben"},"user2":1}`, `{"user2":1,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"numbers that floats lose", ana(), `{"n":12345678901234567890,"e":1e400}`, `{"n":12345678901234567890,"e":1e400,"user":{"color":"#ba3535","id":"ana","name":"Ana"}}`},
		{"a guest without a word", guest, `{"cursor":null}`, `{"cursor":null}`},
		{"a guest's own name", guest, `{"user":{"name":" Zo <b> "}}`, `{"user":{"color":"#028321","id":"guest-1","name":"Zo <b>"}}`},
		{"a guest's name that is none", guest, `{"user":{"name":["x"]}}`, `{"user":{"color":"#028321","id":"guest-1"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // made, and remembered
				if got := string(c.who.Stamp([]byte(c.in))); got != c.want {
					t.Errorf("%s\nbecomes %s\nwant    %s", c.in, got, c.want)
				}
			}
		})
	}
}

// FuzzStamp: the result is valid, is the person's, says else what it said, and
// is not much longer.
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
			t.Fatalf("%d bytes become %d", len(in), len(out))
		}
		var before, after map[string]any
		errBefore, errAfter := json.Unmarshal(in, &before), json.Unmarshal(out, &after)
		if !json.Valid(out) || (errBefore == nil) != (errAfter == nil) {
			t.Fatalf("%q becomes %q: %v, %v", in, out, errBefore, errAfter)
		}
		if errBefore != nil { // a number beyond float64
			return
		}
		user, ok := after["user"].(map[string]any)
		if !ok || user["id"] != "ana" || user["name"] != "Ana" || !isColor(user["color"].(string), 7) {
			t.Fatalf("%q becomes %q", in, out)
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
