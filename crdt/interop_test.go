package crdt

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// history is one line of testdata/interop/gen-random-vectors.mjs: the updates of a few
// random editors in some order with duplicates, and what Yjs made of them.
type history struct {
	Seed    uint64
	Updates []hexBytes
	Merged  hexBytes
	FullV1  hexBytes `json:"full_v1"`
	FullV2  hexBytes `json:"full_v2"`
	KeptV1  hexBytes `json:"kept_v1"` // full state if what is deleted is kept; nothing if Yjs got stuck

	Half      int      // after so many of Updates:
	HalfSV    hexBytes `json:"half_sv"`
	HalfV1    hexBytes `json:"half_v1"` // nothing if HalfWaits
	HalfWaits bool     `json:"half_waits"`
	DiffV1    hexBytes `json:"diff_v1"` // from HalfSV to the end

	Expect struct {
		Text  string
		Delta []struct{ Insert any }
		Map   any
		Array any
		XML   string
		SV    hexBytes
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// TestYjsHistories promises: whatever the order of delivery, the full state and the
// state vector are those of Yjs, byte for byte, and text, map, array and XML read the
// same. It runs the committed histories; WEFT_VECTORS names a file of fresh ones, as
// the generator beside the goldens writes them.
func TestYjsHistories(t *testing.T) {
	if path := os.Getenv("WEFT_VECTORS"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkHistories(t, f)
		return
	}
	f, err := os.Open("testdata/interop/yjs-13.6.33-histories.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	checkHistories(t, z)
}

func checkHistories(t *testing.T, r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	n, failed := 0, 0
	for lines.Scan() {
		if n++; thin && n%10 > 0 {
			continue
		}
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		if err := h.check(); err != nil {
			t.Errorf("seed %d: %v", h.Seed, err)
			if failed++; failed > 20 {
				t.FailNow()
			}
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("%d histories, each listed, reversed, shuffled twice and merged", n)
}

func (h *history) check() error {
	reversed := make([]hexBytes, len(h.Updates))
	for i, u := range h.Updates {
		reversed[len(reversed)-1-i] = u
	}
	orders := []struct {
		name    string
		updates []hexBytes
	}{
		{"as listed", h.Updates},
		{"reversed", reversed},
		{"merged", []hexBytes{h.Merged}},
		{"merged, then as listed", append([]hexBytes{h.Merged}, h.Updates...)},
	}
	for i := range 2 {
		rng := rand.New(rand.NewPCG(h.Seed, uint64(i)))
		shuffled := append([]hexBytes(nil), h.Updates...)
		shuffled = append(shuffled, h.Updates[:len(h.Updates)/3]...)
		rng.Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
		orders = append(orders, struct {
			name    string
			updates []hexBytes
		}{fmt.Sprintf("shuffled with PCG(%d, %d)", h.Seed, i), shuffled})
	}
	for _, order := range orders {
		d := New(Options{})
		for _, u := range order.updates {
			if _, err := d.ApplyUpdate(u); err != nil {
				return fmt.Errorf("%s: %w", order.name, err)
			}
		}
		if err := d.Check(); err != nil {
			return fmt.Errorf("%s: %w", order.name, err)
		}
		if got := d.EncodeStateVector(); string(got) != string(h.Expect.SV) {
			return fmt.Errorf("%s: state vector %x, Yjs %x", order.name, got, h.Expect.SV)
		}
		if got := d.EncodeStateAsUpdate(nil); string(got) != string(h.FullV1) {
			return fmt.Errorf("%s: full state\n%x, Yjs\n%x", order.name, got, h.FullV1)
		}
		if d.HasPending() {
			return fmt.Errorf("%s: pending after all has come", order.name)
		}
		if order.name == "as listed" {
			if err := h.read(d); err != nil {
				return err
			}
			if err := h.checkDiff(d); err != nil {
				return err
			}
		}
	}
	return h.checkKept()
}

// checkDiff compares the state half-way, and the diff from there to d, the end. On about
// one history in a thousand Yjs keeps waiting for what has come; this engine is then
// ahead of it, never behind.
func (h *history) checkDiff(d *Doc) error {
	if h.Half == 0 {
		return nil // written by an older generator
	}
	half := New(Options{})
	for _, u := range h.Updates[:h.Half] {
		if _, err := half.ApplyUpdate(u); err != nil {
			return err
		}
	}
	if err := half.Check(); err != nil {
		return err
	}
	if !h.HalfWaits && (half.HasPending() || string(half.EncodeStateAsUpdate(nil)) != string(h.HalfV1)) {
		return fmt.Errorf("half-way: full state\n%x, Yjs\n%x", half.EncodeStateAsUpdate(nil), h.HalfV1)
	}
	sv, err := DecodeStateVector(h.HalfSV)
	if err != nil {
		return err
	}
	if got := half.EncodeStateVector(); string(got) != string(h.HalfSV) {
		for client, clock := range sv {
			if !h.HalfWaits || half.StateVector()[client] < clock {
				return fmt.Errorf("half-way: state vector %x, Yjs %x", got, h.HalfSV)
			}
		}
	}
	if got := d.EncodeStateAsUpdate(sv); string(got) != string(h.DiffV1) {
		return fmt.Errorf("diff from half-way\n%x, Yjs\n%x", got, h.DiffV1)
	}
	if _, err := half.ApplyUpdate(h.DiffV1); err != nil {
		return err
	}
	if got := half.EncodeStateAsUpdate(nil); string(got) != string(h.FullV1) {
		return fmt.Errorf("half plus diff\n%x, Yjs\n%x", got, h.FullV1)
	}
	return nil
}

// checkKept compares the state of a document that keeps what is deleted.
func (h *history) checkKept() error {
	d := New(Options{KeepDeleted: true})
	for _, u := range h.Updates {
		if _, err := d.ApplyUpdate(u); err != nil {
			return err
		}
	}
	if err := d.Check(); err != nil {
		return err
	}
	if got := d.EncodeStateAsUpdate(nil); len(h.KeptV1) > 0 && string(got) != string(h.KeptV1) {
		return fmt.Errorf("keeping deleted: full state\n%x, Yjs\n%x", got, h.KeptV1)
	}
	return nil
}

// read compares what the exports say.
func (h *history) read(d *Doc) error {
	if got := d.Text("text"); got != h.Expect.Text {
		return fmt.Errorf("text %q, Yjs %q", got, h.Expect.Text)
	}
	b, err := d.JSON()
	if err != nil {
		return err
	}
	var got struct{ Text, Map, Array, XML any }
	if err := json.Unmarshal(b, &got); err != nil {
		return fmt.Errorf("%w in %s", err, b)
	}
	if got.Map == nil {
		got.Map = map[string]any{}
	}
	if got.Array == nil {
		got.Array = []any{}
	}
	if got.XML == nil {
		got.XML = ""
	}
	if diff := cmp.Diff(h.Expect.Map, got.Map); diff != "" {
		return fmt.Errorf("map (-Yjs +ours):\n%s", diff)
	}
	if diff := cmp.Diff(h.Expect.Array, got.Array); diff != "" {
		return fmt.Errorf("array (-Yjs +ours):\n%s", diff)
	}
	if diff := cmp.Diff(h.Expect.XML, got.XML); diff != "" {
		return fmt.Errorf("xml (-Yjs +ours):\n%s", diff)
	}
	return nil
}

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
