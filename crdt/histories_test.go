package crdt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// history is one line of testdata/interop/gen-histories.mjs, where the members are
// explained: the updates of a few random editors and what Yjs made of them. What is
// empty was not written, or Yjs had no answer. The first generator wrote fewer members,
// and updates in order of delivery with duplicates.
type history struct {
	Seed      uint64
	Updates   []hexBytes
	UpdatesV2 []hexBytes `json:"updates_v2"`
	Order     []int
	Part      []int

	Merged     hexBytes
	MergedV2   hexBytes `json:"merged_v2"`
	MergedPart hexBytes `json:"merged_part"`
	MergedSV   hexBytes `json:"merged_sv"`
	Meta       map[uint64][2]uint64

	FullV1     hexBytes `json:"full_v1"`
	FullV2     hexBytes `json:"full_v2"`
	SnapshotV1 hexBytes `json:"snapshot_v1"`
	SnapshotV2 hexBytes `json:"snapshot_v2"`

	KeptV1         hexBytes `json:"kept_v1"`
	KeptV2         hexBytes `json:"kept_v2"`
	KeptSnapshotV1 hexBytes `json:"kept_snapshot_v1"`
	KeptSnapshotV2 hexBytes `json:"kept_snapshot_v2"`

	Half      int
	HalfSV    hexBytes `json:"half_sv"`
	HalfV1    hexBytes `json:"half_v1"`
	HalfV2    hexBytes `json:"half_v2"`
	HalfWaits bool     `json:"half_waits"`
	DiffV1    hexBytes `json:"diff_v1"`
	DiffV2    hexBytes `json:"diff_v2"`
	Diffed    hexBytes
	DiffedV2  hexBytes `json:"diffed_v2"`

	Expect struct {
		Text  string
		Delta []any
		Map   any
		Array any
		XML   string
		SV    hexBytes
	}

	// Full states by the way that updates came, where Yjs makes a difference: how
	// neighbours are joined then depends on it.
	Ways     map[string]hexBytes
	KeptWays map[string]hexBytes `json:"kept_ways"`

	Skipped any  // this seed, as Yjs got stuck
	Done    bool // the last line
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// TestYjsHistories promises: whatever the order of delivery, duplicated, merged or in
// format V2, a document is that of Yjs byte for byte, and reads the same. It plays the
// committed histories. Fresh ones:
//
//	WEFT_HISTORIES=10000 go test ./crdt -run TestYjsHistories -v     needs Node, and npm ci in web/
//	WEFT_SEED=7                                                      the first seed, to play one again
//	WEFT_VECTORS=file                                                lines that a generator wrote before
func TestYjsHistories(t *testing.T) {
	if n := os.Getenv("WEFT_HISTORIES"); n != "" {
		freshHistories(t, n, os.Getenv("WEFT_SEED"))
		return
	}
	if path := os.Getenv("WEFT_VECTORS"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkHistories(t, f)
		return
	}
	for _, name := range []string{"yjs-13.6.33-histories.jsonl.gz", "yjs-13.6.33-histories-2.jsonl.gz"} {
		f, err := os.Open("testdata/interop/" + name)
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
}

// freshHistories lets Yjs write histories while they are checked: nothing is kept.
func freshHistories(t *testing.T, count, seed string) {
	if seed == "" {
		seed = strconv.FormatInt(time.Now().Unix(), 10)
	}
	t.Logf("WEFT_HISTORIES=%s WEFT_SEED=%s", count, seed)
	generator, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", generator+"/testdata/interop/gen-histories.mjs", count, seed)
	cmd.Dir = "../web" // where npm ci put Yjs
	cmd.Stderr = os.Stderr
	lines, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	checkHistories(t, lines)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func checkHistories(t *testing.T, r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	n, skipped, failed, undecided := 0, 0, 0, 0
	for lines.Scan() {
		if n++; thin && n%10 > 0 {
			continue
		}
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Done:
			n--
			continue
		case h.Skipped != nil:
			n--
			skipped++
			continue
		case h.Ways != nil:
			undecided++
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
	if skipped > 3+n/100 {
		t.Errorf("Yjs was stuck with %d of %d histories: too many to be true", skipped, n)
	}
	t.Logf("%d histories, %d differ; of %d Yjs makes several states, depending on how they came; besides %d skipped, with which Yjs was stuck",
		n, failed, undecided, skipped)
}

// delivery is a way for a history's updates to arrive.
type delivered struct {
	name string
	way  string // of history.Ways
	v1   [][]byte
	v2   [][]byte // where not nil, it comes instead of the one in v1
}

// deliveries are the ways tried: those the generator names, and random ones.
func (h *history) deliveries() (ds []delivered) {
	all := someUpdates(h)
	reversed := make([][]byte, len(all))
	for i, u := range all {
		reversed[len(all)-1-i] = u
	}
	ds = append(ds, delivered{name: "as listed", way: "listed", v1: all}, delivered{name: "reversed", v1: reversed},
		delivered{name: "merged", way: "merged", v1: [][]byte{h.Merged}},
		delivered{name: "merged, then as listed", v1: append([][]byte{h.Merged}, all...)})
	pick := func(of []hexBytes, order []int) (us [][]byte) {
		for _, i := range order {
			us = append(us, of[i])
		}
		return us
	}
	if h.UpdatesV2 != nil {
		var v2 [][]byte
		for _, u := range h.UpdatesV2 {
			v2 = append(v2, u)
		}
		ds = append(ds, delivered{name: "as listed in V2", v2: v2},
			delivered{name: "as the generator shuffled", way: "order", v1: pick(h.Updates, h.Order)},
			delivered{name: "merged in V2", v2: [][]byte{h.MergedV2}},
			delivered{name: "full state", way: "loaded", v1: [][]byte{h.FullV1}},
			delivered{name: "full state in V2", v2: [][]byte{h.FullV2}})
		if len(h.KeptV1) > 0 {
			ds = append(ds, delivered{name: "full state with what was deleted", v1: [][]byte{h.KeptV1}})
		}
		if len(h.Part) > 0 {
			ds = append(ds, delivered{name: "part merged, then shuffled", v1: append([][]byte{h.MergedPart}, pick(h.Updates, h.Order)...)})
		}
	}
	for i := range uint64(2) {
		ds = append(ds, h.shuffled(i))
	}
	return ds
}

// shuffled delivers all updates in random order, a third of them twice, some merged
// first, some in V2.
func (h *history) shuffled(i uint64) delivered {
	d := delivered{name: fmt.Sprintf("shuffled with PCG(%d, %d)", h.Seed, i)}
	rng := rand.New(rand.NewPCG(h.Seed, i))
	order := rng.Perm(len(h.Updates))
	order = append(order, rng.Perm(len(h.Updates))[:len(h.Updates)/3]...)
	for len(order) > 0 {
		n := 1
		if rng.IntN(4) == 0 {
			n = 1 + rng.IntN(min(6, len(order)))
		}
		var some [][]byte
		for _, j := range order[:n] {
			some = append(some, h.Updates[j])
		}
		var v2 []byte
		u, err := MergeUpdates(some...)
		if err != nil {
			u = nil // ApplyUpdate says why
		}
		if h.UpdatesV2 != nil && n == 1 && rng.IntN(3) == 0 {
			v2 = h.UpdatesV2[order[0]]
		}
		d.v1, d.v2 = append(d.v1, u), append(d.v2, v2)
		order = order[n:]
	}
	return d
}

func (d delivered) to(doc *Doc) error {
	for i := range max(len(d.v1), len(d.v2)) {
		var err error
		if i < len(d.v2) && d.v2[i] != nil {
			_, err = doc.ApplyUpdateV2(d.v2[i])
		} else {
			_, err = doc.ApplyUpdate(d.v1[i])
		}
		if err != nil {
			return err
		}
	}
	return doc.Check()
}

func (h *history) check() error {
	for _, how := range h.deliveries() {
		d := New(Options{})
		if err := how.to(d); err != nil {
			return fmt.Errorf("%s: %w", how.name, err)
		}
		if err := h.checkState(d, how.way); err != nil {
			return fmt.Errorf("%s: %w", how.name, err)
		}
		if how.name != "as listed" {
			continue
		}
		if err := h.read(d); err != nil {
			return err
		}
		if err := h.checkDiff(d); err != nil {
			return err
		}
	}
	if err := h.checkOperations(); err != nil {
		return err
	}
	return h.checkKept()
}

// equals compares bytes with those of Yjs, unless Yjs gave none.
func equals(what string, got, want []byte) error {
	if len(want) > 0 && !bytes.Equal(got, want) {
		return fmt.Errorf("%s\n%x, Yjs\n%x", what, got, want)
	}
	return nil
}

func oneOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *history) checkState(d *Doc, way string) error {
	if d.HasPending() {
		return fmt.Errorf("pending after all has come")
	}
	snapshot := d.Snapshot()
	if err := oneOf(
		equals("state vector", d.EncodeStateVector(), h.Expect.SV),
		equals("snapshot", snapshot.Append(nil), h.SnapshotV1),
		equals("snapshot V2", snapshot.AppendV2(nil), h.SnapshotV2)); err != nil {
		return err
	}
	if h.Ways != nil && way != "listed" {
		return oneWay(d, h.Ways, way, h.FullV1)
	}
	return oneOf(equals("full state", d.EncodeStateAsUpdate(nil), h.FullV1),
		equals("full state V2", d.EncodeStateAsUpdateV2(nil), h.FullV2))
}

// oneWay compares the state with that of Yjs by the same way, or if Yjs did not go it,
// with those by all ways.
func oneWay(d *Doc, ways map[string]hexBytes, way string, listed []byte) error {
	got := d.EncodeStateAsUpdate(nil)
	if want, ok := ways[way]; ok {
		return equals("full state", got, want)
	}
	for _, want := range ways {
		if bytes.Equal(got, want) || bytes.Equal(got, listed) {
			return nil
		}
	}
	return fmt.Errorf("full state %x is none of those of Yjs", got)
}

// checkDiff compares the state half-way, and the diff from there to d, the end. On about
// one history in a thousand Yjs keeps waiting for what has come; this engine is then
// ahead of it, never behind.
func (h *history) checkDiff(d *Doc) error {
	half := New(Options{})
	for i := range h.Half {
		if h.Order != nil {
			i = h.Order[i]
		}
		if _, err := half.ApplyUpdate(h.Updates[i]); err != nil {
			return err
		}
	}
	if err := half.Check(); err != nil {
		return err
	}
	if !h.HalfWaits {
		if half.HasPending() {
			return fmt.Errorf("half-way: waits, Yjs does not")
		}
		if err := oneOf(equals("half-way: full state", half.EncodeStateAsUpdate(nil), h.HalfV1),
			equals("half-way: full state V2", half.EncodeStateAsUpdateV2(nil), h.HalfV2)); err != nil {
			return err
		}
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
	if err := oneOf(equals("diff from half-way", d.EncodeStateAsUpdate(sv), h.DiffV1),
		equals("diff from half-way in V2", d.EncodeStateAsUpdateV2(sv), h.DiffV2)); err != nil {
		return err
	}
	if _, err := half.ApplyUpdate(h.DiffV1); err != nil {
		return err
	}
	if err := h.checkState(half, "diffed"); err != nil {
		return fmt.Errorf("half plus diff: %w", err)
	}
	return nil
}

// checkOperations compares what is done without a document.
func (h *history) checkOperations() error {
	if h.UpdatesV2 == nil {
		return nil
	}
	merged, err := MergeUpdates(someUpdates(h)...)
	if err != nil {
		return err
	}
	var part [][]byte
	for _, i := range h.Part {
		part = append(part, h.Updates[i])
	}
	mergedPart, err := MergeUpdates(part...)
	if err != nil {
		return err
	}
	sv, err := DecodeStateVector(h.HalfSV)
	if err != nil {
		return err
	}
	diffed, err := DiffUpdate(h.Merged, sv)
	if err != nil {
		return err
	}
	mergedSV, err := StateVectorFromUpdate(h.Merged)
	if err != nil {
		return err
	}
	for i, u := range h.Updates {
		v2, err := ConvertUpdateV1ToV2(u)
		if err != nil {
			return err
		}
		v1, err := ConvertUpdateV2ToV1(h.UpdatesV2[i])
		if err != nil {
			return err
		}
		if err := oneOf(equals("converted to V2", v2, h.UpdatesV2[i]), equals("converted to V1", v1, u)); err != nil {
			return fmt.Errorf("update %d: %w", i, err)
		}
	}
	return oneOf(equals("merged", merged, h.Merged), equals("part merged", mergedPart, h.MergedPart),
		equals("diff of the merge", diffed, h.Diffed), equals("state vector of the merge", mergedSV.Append(nil), h.MergedSV))
}

// checkKept compares a document that keeps what is deleted.
func (h *history) checkKept() error {
	hows := []delivered{{name: "as listed", way: "listed", v1: someUpdates(h)}, h.shuffled(9)}
	if len(h.KeptV1) > 0 {
		hows = append(hows, delivered{name: "its full state", way: "loaded", v1: [][]byte{h.KeptV1}})
	}
	for _, how := range hows {
		d := New(Options{KeepDeleted: true})
		if err := how.to(d); err != nil {
			return fmt.Errorf("keeping deleted: %s: %w", how.name, err)
		}
		if h.KeptWays != nil && how.way != "listed" {
			if err := oneWay(d, h.KeptWays, how.way, h.KeptV1); err != nil {
				return fmt.Errorf("keeping deleted: %s: %w", how.name, err)
			}
			continue
		}
		snapshot := d.Snapshot()
		if err := oneOf(equals("full state", d.EncodeStateAsUpdate(nil), h.KeptV1),
			equals("full state V2", d.EncodeStateAsUpdateV2(nil), h.KeptV2),
			equals("snapshot", snapshot.Append(nil), h.KeptSnapshotV1),
			equals("snapshot V2", snapshot.AppendV2(nil), h.KeptSnapshotV2)); err != nil {
			return fmt.Errorf("keeping deleted: %s: %w", how.name, err)
		}
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
