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

// TestYjsVectors checks that the named vectors made by Yjs load and encode to the same
// bytes.
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

// TestSurrogatePairCut checks that an insert between the halves of a surrogate pair turns
// both halves into U+FFFD, as in Yjs.
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
	if got := d.Text("t").String(); got != "a\uFFFDX\uFFFDb" || len(utf16.Encode([]rune(got))) != 5 {
		t.Errorf("text %q", got)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
}

// TestYjsPending checks that full state, state vector and diffs are those of Yjs while
// structs are pending.
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
	if !d.HasPending() || d.Text("t").String() != "a" {
		t.Errorf("pending %v, text %q", d.HasPending(), d.Text("t").String())
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

// TestYjsVectorsOfOperations checks that the operations on encoded updates, and
// concurrent edits, give the bytes of the named vectors.
func TestYjsVectorsOfOperations(t *testing.T) {
	vectors := readVectors(t)
	unhex := func(name string) []byte {
		t.Helper()
		b, err := hex.DecodeString(vectors[name].(string))
		if err != nil {
			t.Fatal(name, err)
		}
		return b
	}
	var u [3][]byte
	for i, text := range vectors["incr updates"].([]any) {
		u[i], _ = hex.DecodeString(text.(string))
	}
	skipped, err1 := MergeUpdates(u[0], u[2])
	skippedV2, err2 := ConvertUpdateV1ToV2(skipped)
	sv, err3 := StateVectorFromUpdate(skipped)
	all, err4 := MergeUpdates(u[0], u[1], u[2])
	diff, err5 := DiffUpdate(unhex("text abc c=1 v1"), StateVector{1: 2})
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, got := range map[string][]byte{
		"mergeUpdates([u0,u2]) -> Skip": skipped,
		"  v2":                          skippedV2,
		"  svFromUpdate":                sv.Append(nil),
		"  mergeUpdates all":            all,
		"  diffUpdate(full, {1:2})":     diff,
	} {
		if want := unhex(name); string(got) != string(want) {
			t.Errorf("%s: %x, Yjs %x", name, got, want)
		}
	}

	waits := apply(t, skipped)
	want := vectors["  applied w/ pending"].([]any)
	if got := waits.Text("t").String(); got != want[0] || !waits.HasPending() {
		t.Errorf("with a gap: text %q, pending %v; Yjs %v", got, waits.HasPending(), want)
	}

	a, b := New(Options{ClientID: 1}), New(Options{ClientID: 2})
	ua, _ := a.InsertText("t", 0, "A")
	ub, _ := b.InsertText("t", 0, "B")
	ua = append([]byte(nil), ua...)
	if _, err := a.ApplyUpdate(ub); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ApplyUpdate(ua); err != nil {
		t.Fatal(err)
	}
	if got := a.Text("t").String() + "|" + b.Text("t").String(); got != vectors["conflict result"] {
		t.Errorf("written at once: %s, Yjs %s", got, vectors["conflict result"])
	}
}

// TestYjsVectorsKnown checks that each named vector is used by some test.
func TestYjsVectorsKnown(t *testing.T) {
	// Where the others of their kind are tested: lib0, presence and the doors.
	elsewhere := []string{"varuint ", "varint ", "varstring ", "any ", "sync ", "awareness ", "queryAwareness", "auth denied"}
	// What Yjs 13 writes nowhere.
	unused := []string{"IntDiffEncoder(0) ", "RleIntDiff(0) "}
	here := []string{
		"RleEncoder(uint8) ", "UintOptRle ", "IntDiffOptRle ", "StringEncoder ", "snapshot ", "relpos ", "incr updates",
		"mergeUpdates([u0,u2]) -> Skip", "  v2", "  svFromUpdate", "  mergeUpdates all", "  diffUpdate(full, {1:2})",
		"  encodeStateAsUpdate", "  applied w/ pending", "  sv of doc with pending", "conflict result",
		"  after insert(2,X) toString codeunits",
	}
	vectors := readVectors(t)
names:
	for name := range vectors {
		for _, prefixes := range [][]string{elsewhere, unused, here} {
			for _, prefix := range prefixes {
				if strings.HasPrefix(name, prefix) {
					continue names
				}
			}
		}
		base := name[:max(0, len(name)-3)]
		if _, ok := vectors[base+" v1"]; !ok || !strings.Contains(" v1 v2 sv", name[len(base):]) {
			t.Errorf("nothing tests %q", name)
		}
	}
}
