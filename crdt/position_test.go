package crdt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/crdt/lib0"
)

// yjsPositions is one line of testdata/interop/gen-positions.mjs: states of a document,
// positions that Yjs made there, and where it found some.
type yjsPositions struct {
	Seed   uint64
	States []struct {
		Update   hexBytes
		Keep     bool
		Made     [][5]any // type, index, assoc, binary form, JSON form
		Resolved [][]any  // binary form; then, if found, type and index
	}
}

// TestYjsPositions checks positions at every index of every list: they have the bytes and
// the JSON of Yjs, and resolve to the same place as in Yjs, in the state they were made
// in, in earlier and in later ones, with and without KeepDeleted. So does a position at
// every unit that exists, except values of map keys. WEFT_POSITIONS names a file of fresh
// cases.
func TestYjsPositions(t *testing.T) {
	path := "testdata/interop/yjs-13.6.33-positions.jsonl.gz"
	if fresh := os.Getenv("WEFT_POSITIONS"); fresh != "" {
		path = fresh
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	seeds, made, resolved := 0, 0, 0
	for lines.Scan() {
		if seeds++; thin && seeds%10 > 0 {
			continue
		}
		var y yjsPositions
		if err := json.Unmarshal(lines.Bytes(), &y); err != nil {
			t.Fatal(err)
		}
		for i, state := range y.States {
			d := New(Options{KeepDeleted: state.Keep})
			if _, err := d.ApplyUpdate(state.Update); err != nil {
				t.Fatal(err)
			}
			for _, m := range state.Made {
				if err := checkMade(d, m); err != nil {
					t.Fatalf("seed %d, state %d, %v: %v", y.Seed, i, m, err)
				}
				made++
			}
			for _, r := range state.Resolved {
				if err := checkResolved(d, r); err != nil {
					t.Fatalf("seed %d, state %d, %v: %v", y.Seed, i, r, err)
				}
				resolved++
			}
		}
	}
	if err := lines.Err(); err != nil || made == 0 || resolved == 0 {
		t.Fatal(err, made, resolved)
	}
	t.Logf("%d seeds, %d positions made, %d resolved", seeds, made, resolved)
}

func checkMade(d *Doc, m [5]any) error {
	index, assoc, want := int(m[1].(float64)), int(m[2].(float64)), m[3].(string)
	var p Position
	var err error
	at := placeOf(m[0], index)
	if at.Type == nil {
		p, err = d.PositionAt(at.Root, index, assoc)
	} else {
		p, err = d.PositionIn(*at.Type, index, assoc)
	}
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(p.Append(nil)); got != want {
		return fmt.Errorf("made %s", got)
	}
	text, err := p.MarshalJSON()
	if err != nil || string(text) != m[4] {
		return fmt.Errorf("JSON %s, %v", text, err)
	}
	var again Position
	if err := json.Unmarshal(text, &again); err != nil || !again.Equal(p) {
		return fmt.Errorf("decoded again: %+v, %v", again, err)
	}
	got, ok := d.ResolvePosition(p)
	if diff := cmp.Diff(at, got); !ok || diff != "" {
		return fmt.Errorf("resolves to another place, ok %v\n%s", ok, diff)
	}
	return nil
}

func checkResolved(d *Doc, r []any) error {
	b, _ := hex.DecodeString(r[0].(string))
	p, err := DecodePosition(b)
	if err != nil {
		return err
	}
	if !bytes.Equal(p.Append(nil), b) {
		return fmt.Errorf("encodes to %x", p.Append(nil))
	}
	got, ok := d.ResolvePosition(p)
	if p.Item != nil && d.store.items[d.store.findItem(*p.Item)].keyed() {
		if ok {
			return fmt.Errorf("the value of a map key resolves to a place in the list: %+v", got)
		}
		return nil
	}
	if ok != (len(r) > 1) {
		return fmt.Errorf("found: %v", ok)
	}
	if !ok {
		return nil
	}
	if diff := cmp.Diff(placeOf(r[1], int(r[2].(float64))), got); diff != "" {
		return errors.New(diff)
	}
	return nil
}

// placeOf reads a place as the generator writes it: a root is a string, a nested type
// the client and clock of its unit.
func placeOf(typ any, index int) Place {
	if root, ok := typ.(string); ok {
		return Place{Root: root, Index: index}
	}
	id := typ.([]any)
	return Place{Type: &ID{uint64(id[0].(float64)), uint64(id[1].(float64))}, Index: index}
}

// TestYjsPositionVectors checks that the named vectors decode to the positions that their
// names describe.
func TestYjsPositionVectors(t *testing.T) {
	root := "t"
	for name, want := range map[string]Position{
		"relpos idx1 assoc0":          {Item: &ID{1, 1}},
		"relpos end assoc0":           {Root: &root},
		"relpos idx1 assoc-1":         {Item: &ID{1, 0}, Assoc: -1},
		"relpos in empty nested type": {Type: &ID{1, 0}},
	} {
		text := readVectors(t)[name].(string)
		b, _ := hex.DecodeString(text)
		got, err := DecodePosition(b)
		if err != nil || !got.Equal(want) || hex.EncodeToString(got.Append(nil)) != text {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
		old, err := DecodePosition(b[:len(b)-1])
		if want.Assoc = 0; err != nil || !old.Equal(want) {
			t.Errorf("%s, without assoc: %+v, %v", name, old, err)
		}
	}
	var got Position
	text := readVectors(t)["relpos json"].(string)
	err := json.Unmarshal([]byte(text), &got)
	if want := (Position{Root: &root, Item: &ID{1, 1}}); err != nil || !got.Equal(want) {
		t.Errorf("JSON: %+v, %v", got, err)
	}
	if again, err := json.Marshal(got); err != nil || string(again) != text {
		t.Errorf("JSON: %s, %v", again, err)
	}
}

// TestPositionFollows checks that a position moves along with its neighbour through local
// edits, and that it resolves to the former place of its unit when that is deleted.
func TestPositionFollows(t *testing.T) {
	d := New(Options{ClientID: 1})
	edit := func(_ []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(assoc int) func(want int) {
		p, err := d.PositionAt("t", 6, assoc)
		if err != nil {
			t.Fatal(err)
		}
		return func(want int) {
			t.Helper()
			if got, ok := d.ResolvePosition(p); !ok || got.Index != want || got.Root != "t" || got.Type != nil {
				t.Errorf("assoc %d: %+v, %v, want %d", assoc, got, ok, want)
			}
		}
	}
	edit(d.InsertText("t", 0, "Hello world"))
	behind, before := at(0), at(-1)
	behind(6)
	before(6)
	edit(d.InsertText("t", 6, "😀 ")) // three units, and both stick to their side
	behind(9)
	before(6)
	edit(d.DeleteText("t", 0, 3))
	behind(6)
	before(3)
	edit(d.DeleteText("t", 1, 9)) // both units and what is around them
	behind(1)
	before(1)
	edit(d.InsertText("t", 0, "ab"))
	behind(3)
	before(3)

	for _, index := range []int{-1, 6} {
		if _, err := d.PositionAt("t", index, 0); err != ErrRange {
			t.Errorf("index %d of %d: %v", index, d.Length("t"), err)
		}
	}
	if _, err := d.PositionAt("\xff", 0, 0); err != ErrUTF8 {
		t.Error(err)
	}
	if _, err := d.PositionIn(ID{1, 0}, 0, 0); err != ErrPlace {
		t.Error(err)
	}
	if _, err := d.PositionIn(ID{1, 1000}, 0, 0); err != ErrPlace {
		t.Error(err)
	}
	empty, err := d.PositionAt("not there", 0, -1)
	if place, ok := d.ResolvePosition(empty); err != nil || !ok || place != (Place{Root: "not there"}) {
		t.Error(place, ok, err)
	}
	if len(d.Roots()) != 1 {
		t.Errorf("asking made a root: %q", d.Roots())
	}
	if place, ok := d.ResolvePosition(Position{}); ok {
		t.Error("a position with no field set resolves to", place)
	}
}

func TestPositionRefused(t *testing.T) {
	for name, c := range map[string]struct {
		bytes string
		want  error
	}{
		"nothing at all":        {"", lib0.ErrShort},
		"unknown kind":          {"030100", ErrPlace}, // Yjs throws when it resolves it
		"cut off in the ID":     {"0001", lib0.ErrShort},
		"cut off in the name":   {"010274", lib0.ErrShort},
		"cut off in assoc":      {"00010180", lib0.ErrShort},
		"name beyond the bytes": {"01ffffffff0f74", lib0.ErrShort},
		"name not UTF-8":        {"0101ff00", lib0.ErrUTF8},
		"clock beyond 2^53":     {"0001ffffffffffffff1f00", lib0.ErrOverflow},
		"assoc beyond 2^53":     {"000101bfffffffffffff3f", lib0.ErrOverflow},
		"bytes behind the end":  {"0001010000", ErrTrailing},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := DecodePosition(b); !errors.Is(err, c.want) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestPositionJSON checks that the JSON that editor bindings write is decoded, with null
// members or without, and that other JSON is refused without changing the receiver.
func TestPositionJSON(t *testing.T) {
	tname, empty := "t", ""
	for text, want := range map[string]Position{
		`{"type":null,"tname":"t","item":{"client":7,"clock":3},"assoc":0}`: {Root: &tname, Item: &ID{7, 3}}, // JSON.stringify of the class
		`{"type":{"client":7,"clock":3},"assoc":-1}`:                        {Type: &ID{7, 3}, Assoc: -1},
		`{"item":{"clock":3,"client":7,"more":1},"more":[]}`:                {Item: &ID{7, 3}},
		`{"tname":"","assoc":null}`:                                         {Root: &empty},
	} {
		var got Position
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		``, `{`, `[]`, `"t"`, `{}`, `{"assoc":0}`, `{"tname":3}`, `{"tname":"t"} x`,
		`{"item":{"client":1}}`, `{"item":{}}`, `{"item":7}`, `{"type":{"clock":1},"tname":"t"}`,
		`{"item":{"client":-1,"clock":1}}`, `{"item":{"client":1.5,"clock":1}}`,
		`{"item":{"client":9007199254740992,"clock":1}}`, `{"item":{"client":1,"clock":9007199254740992}}`,
		`{"tname":"t","assoc":9007199254740992}`, `{"tname":"t","assoc":-9223372036854775808}`, `{"tname":"t","assoc":0.5}`,
	} {
		got := Position{Root: &tname}
		if err := got.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrMalformed) || !got.Equal(Position{Root: &tname}) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if b, err := (Position{}).MarshalJSON(); !errors.Is(err, ErrPlace) {
		t.Errorf("%s, %v", b, err)
	}
}

// FuzzPosition checks that any bytes are refused or decoded to a position that survives
// encoding and decoding in both forms, and that it resolves to a valid index if at all.
func FuzzPosition(f *testing.F) {
	var docs []*Doc
	for i, h := range someHistories(f, 6) {
		d := New(Options{KeepDeleted: i%2 == 0})
		if _, err := d.ApplyUpdate(h.FullV1); err != nil {
			f.Fatal(err)
		}
		docs = append(docs, d)
		for client := range d.StateVector() {
			f.Add(Position{Item: &ID{client, 1}, Assoc: -1}.Append(nil), uint8(i))
			f.Add(Position{Type: &ID{client, 3}}.Append(nil), uint8(i))
		}
	}
	f.Add([]byte("\x01\x04text\x00"), uint8(0))
	f.Add([]byte(`{"type":null,"tname":"text","item":{"client":1,"clock":3},"assoc":0}`), uint8(1))
	f.Add([]byte(`{"type":{"client":1,"clock":3},"assoc":-1}`), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, doc uint8) {
		d := docs[int(doc)%len(docs)]
		p, err := DecodePosition(b)
		if err != nil {
			if err := p.UnmarshalJSON(b); err != nil {
				return
			}
		} else if again, err := DecodePosition(p.Append(nil)); err != nil || !again.Equal(p) {
			t.Fatalf("%+v, again %+v, %v", p, again, err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again Position
		if err := json.Unmarshal(text, &again); err != nil || !again.Equal(p) {
			t.Fatalf("%s, again %+v, %v", text, again, err)
		}
		place, ok := d.ResolvePosition(p)
		if !ok {
			return
		}
		if place.Type == nil {
			_, err = d.PositionAt(place.Root, place.Index, p.Assoc)
		} else {
			_, err = d.PositionIn(*place.Type, place.Index, p.Assoc)
		}
		if err != nil {
			t.Fatalf("%+v resolves to %+v, which is no valid place: %v", p, place, err)
		}
	})
}
