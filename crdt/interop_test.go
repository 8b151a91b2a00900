package crdt

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// TestYjsVectors promises: the named vectors made by Yjs load, and encode to the same.
func TestYjsVectors(t *testing.T) {
	vectors := readVectors(t)
	n := 0
	for name, value := range vectors {
		base, ok := strings.CutSuffix(name, " v1")
		text, isText := value.(string)
		if !ok || !isText || strings.HasPrefix(name, "snapshot") {
			continue
		}
		n++
		update, _ := hex.DecodeString(text)
		d := New(Options{KeepDeleted: strings.Contains(name, "gc=false")})
		if _, err := d.ApplyUpdate(update); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := hex.EncodeToString(d.EncodeStateAsUpdate(nil)); got != text {
			t.Errorf("%s: encodes to %s, Yjs %s", name, got, text)
		}
		if sv, ok := vectors[base+" sv"].(string); ok {
			if got := hex.EncodeToString(d.EncodeStateVector()); got != sv {
				t.Errorf("%s: state vector %s, Yjs %s", name, got, sv)
			}
			decoded, err := DecodeStateVector(d.EncodeStateVector())
			if diff := cmp.Diff(d.StateVector(), decoded); diff != "" || err != nil {
				t.Errorf("%s: state vector decodes to another: %v %s", name, err, diff)
			}
			if got := hex.EncodeToString(d.StateVector().Append(nil)); got != sv {
				t.Errorf("%s: StateVector().Append gives %s, Yjs %s", name, got, sv)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d vectors found", n)
	}
}

func readVectors(t *testing.T) map[string]any {
	b, err := os.ReadFile("testdata/interop/yjs-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors map[string]any
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// TestSurrogatePairCut promises: inserting between the halves of a pair turns both into
// U+FFFD, as in Yjs.
func TestSurrogatePairCut(t *testing.T) {
	const pair, typed = "01010100040101740661f09f98806200", "0101" + "0104" + "c4010101020158" + "00"
	want := readVectors(t)["text a😀b split v1"].(string)
	d := New(Options{})
	for _, u := range []string{pair, typed} {
		b, _ := hex.DecodeString(u)
		if _, err := d.ApplyUpdate(b); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(d.EncodeStateAsUpdate(nil)); got != want {
		t.Errorf("got %s, Yjs %s", got, want)
	}
	if got := d.Text("t"); got != "a\uFFFDX\uFFFDb" || len(utf16.Encode([]rune(got))) != 5 {
		t.Errorf("text %q", got)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
}

// TestYjsPending promises: with structs pending, full state and state vector are those
// of Yjs, and diffs too.
func TestYjsPending(t *testing.T) {
	vectors := readVectors(t)
	var first, third []byte
	increments := vectors["incr updates"].([]any)
	first, _ = hex.DecodeString(increments[0].(string))
	third, _ = hex.DecodeString(increments[2].(string))
	d := New(Options{})
	for _, u := range [][]byte{first, third} {
		if changed, err := d.ApplyUpdate(u); !changed || err != nil {
			t.Fatal(changed, err)
		}
	}
	if !d.HasPending() || d.Text("t") != "a" {
		t.Errorf("pending %v, text %q", d.HasPending(), d.Text("t"))
	}
	if changed, err := d.ApplyUpdate(third); changed || err != nil {
		t.Errorf("parked again: changed %v, %v", changed, err)
	}
	for name, got := range map[string][]byte{
		"  encodeStateAsUpdate of doc w/ pending": d.EncodeStateAsUpdate(nil),
		"  sv of doc with pending":                d.EncodeStateVector(),
	} {
		if hex.EncodeToString(got) != vectors[name] {
			t.Errorf("%s: %x, Yjs %s", name, got, vectors[name])
		}
	}
	second, _ := hex.DecodeString(increments[1].(string))
	if _, err := d.ApplyUpdate(second); err != nil || d.HasPending() {
		t.Error(err, d.HasPending())
	}
	for name, got := range map[string][]byte{
		"  encodeStateAsUpdate":          d.EncodeStateAsUpdate(nil),
		"  encodeStateAsUpdate(d,{1:2})": d.EncodeStateAsUpdate(StateVector{1: 2}),
	} {
		if hex.EncodeToString(got) != vectors[name] {
			t.Errorf("%s: %x, Yjs %s", name, got, vectors[name])
		}
	}
}
