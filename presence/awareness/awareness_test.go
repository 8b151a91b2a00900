package awareness_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"weft/crdt/lib0"
	"weft/presence/awareness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The first two updates were captured from y-websocket 2.1.0, without the frame around
// them; the third has no states.
func TestDecodeCapturedUpdates(t *testing.T) {
	for _, c := range []struct{ bytes, want string }{
		{"010100027b7d", `1@0{} `},
		{"01020104 6e756c6c", `2@1null `},
		{"00", ``},
	} {
		in, err := hex.DecodeString(strings.ReplaceAll(c.bytes, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		states, err := awareness.Decode(in)
		if err != nil || show(states) != c.want {
			t.Errorf("%s: got %q, error %v, want %q", c.bytes, show(states), err, c.want)
		}
		if again := awareness.Append(nil, states); !bytes.Equal(again, in) {
			t.Errorf("%s: encoded again it is %x", c.bytes, again)
		}
	}
}

func one(json string) []byte {
	return awareness.Append(nil, []awareness.State{state(1, 1, json)})
}

func TestDecodeRefusesInvalidUpdates(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, lib0.ErrShort},
		{"a count without entries", []byte{1}, nil},
		{"a count beyond the bytes", []byte("\xff\xff\xff\xff\x0f\x01\x01\x02{}"), nil},
		{"cut in the text", one(`{"a":1}`)[:6], lib0.ErrShort},
		{"bytes left over", append(one(`{}`), 0), awareness.ErrTrailing},
		{"array", one(`["a"]`), awareness.ErrJSON},
		{"number", one(`12345`), awareness.ErrJSON},
		{"string", one(`"abcd"`), awareness.ErrJSON},
		{"no text", one(`  `), nil},
		{"half an object", one(`{"a":`), awareness.ErrJSON},
		{"two objects", one(`{}{}`), awareness.ErrJSON},
		{"not JSON", one(`{a:1}`), awareness.ErrJSON},
		{"byte order mark", one("\ufeff{}"), awareness.ErrJSON},
		{"invalid UTF-8", one("{\"a\":\"\xff\"}"), lib0.ErrUTF8},
		{"too deep", one(nested(17)), awareness.ErrDepth},
		{"too deep in arrays", one(`{"a":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16) + `}`), awareness.ErrDepth},
		{"too large", one(`{"a":"` + strings.Repeat("x", 4<<10-7) + `"}`), awareness.ErrTooLarge},
		{"client id beyond 2^53-1", []byte("\x01\x80\x80\x80\x80\x80\x80\x80\x10\x01\x02{}"), lib0.ErrOverflow},
		{"clock beyond 2^53-1", []byte("\x01\x01\x80\x80\x80\x80\x80\x80\x80\x10\x02{}"), lib0.ErrOverflow},
	} {
		states, err := awareness.Decode(c.in)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %q, error %v, want error %v", c.name, show(states), err, c.want)
		}
	}
	for _, good := range []string{
		nested(16), `{"a":"` + strings.Repeat("x", 4<<10-8) + `"}`, ` {"a":"[[[[[[[[[[[[[[[[[[[[[[\"{"} `, ` null `, `{"a":"\ud800"}`,
	} {
		if _, err := awareness.Decode(one(good)); err != nil {
			t.Errorf("%.40s: %v", good, err)
		}
	}
	if _, err := (awareness.Limits{States: 1}).Decode([]byte("\x02\x01\x01\x02{}\x02\x01\x02{}")); !errors.Is(err, awareness.ErrTooMany) {
		t.Errorf("two states where one is allowed: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"\x00", "\x01\x01\x00\x02{}", "\x01\x02\x01\x04null",
		"\x02\x01\x00\x02{}\xff\xff\xff\xff\x0f\x85\x01\x0d{\"a\":[1,{}]} ",
		"\x01\x01\x01\x0a{\"\xf0\x9f\x98\x80\":1}", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"\x01\x01\x01\x08{\"a\":[[[", "\x01\x01\x81\x00\x02{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		states, err := awareness.Decode(in)
		if err != nil {
			if states != nil {
				t.Error("got states together with an error")
			}
			return
		}
		for _, s := range states {
			var object map[string]any
			if !utf8.Valid(s.JSON) || json.Unmarshal(s.JSON, &object) != nil || (object == nil) != s.Gone() {
				t.Fatalf("accepted invalid JSON %q", s.JSON)
			}
		}
		again, err := awareness.Decode(awareness.Append(nil, states))
		if err != nil || show(again) != show(states) {
			t.Fatalf("got %q, encoded and decoded again %q, error %v", show(states), show(again), err)
		}
		var set awareness.Set
		accepted := set.Apply(states, start)
		if set.Len() != len(set.All()) || len(accepted) > len(states) {
			t.Fatalf("Len() = %d with %d states; %d accepted of %d", set.Len(), len(set.All()), len(accepted), len(states))
		}
	})
}
