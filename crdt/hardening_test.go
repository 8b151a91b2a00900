package crdt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// What a hostile or broken peer may send, and the reason why it is refused.

func TestRefused(t *testing.T) {
	deepAny := strings.Repeat("7501", lib0.MaxDepth) + "7e"
	deepJSON := strings.Repeat("[", lib0.MaxDepth+1) + strings.Repeat("]", lib0.MaxDepth+1)
	for name, c := range map[string]struct {
		update string
		want   error
	}{
		"nothing at all":                  {"", lib0.ErrShort},
		"no delete set":                   {"00", lib0.ErrShort},
		"bytes behind the end":            {"000000", ErrTrailing},
		"cut off in a struct":             {"01010100040101740361", lib0.ErrShort},
		"more clients than bytes":         {"ffffffff0f00", lib0.ErrShort},
		"more structs than bytes":         {"01ffffffff0f010000", lib0.ErrShort},
		"more deletes than bytes":         {"000101ffffffff0f", lib0.ErrShort},
		"integer beyond 2^53":             {"0101ffffffffffffff1f0004010174016100", lib0.ErrOverflow},
		"clock beyond 2^53":               {"010101ffffffffffffff0f000200", ErrClock},
		"delete beyond 2^53":              {"00010101ffffffffffffff0f01", ErrClock},
		"empty string":                    {"010101000401017400" + "00", ErrZeroLength}, // poisons what follows it in Yjs
		"empty tombstone":                 {"010101000101017400" + "00", ErrZeroLength}, // crashes Yjs
		"empty GC":                        {"01010100000000", ErrZeroLength},            // crashes y-crdt
		"empty Skip":                      {"010101000a0000", ErrZeroLength},
		"no any values":                   {"010101000801017400" + "00", ErrZeroLength},
		"unknown content":                 {"0101010011010174016100", ErrKind}, // Yjs throws
		"move, known to y-crdt only":      {"010101000b010174000100" + "00", ErrKind},
		"GC with flags":                   {"01010100800100", ErrKind},
		"unknown type":                    {"01010100070101740700", ErrKind},
		"origin of the same clock":        {"01010100840100016100", ErrForwardOrigin}, // half-applied by Yjs
		"right origin in the future":      {"01010100440109016100", ErrForwardOrigin},
		"parent in the future":            {"010101000400010101" + "6100", ErrForwardOrigin},
		"one client twice":                {"0201010004010174016101010100040101740161" + "00", ErrClientTwice},
		"text that is not UTF-8":          {"01010100040101740" + "1ff00", lib0.ErrUTF8}, // every browser throws
		"a lone surrogate":                {"010101000401017403eda0bd00", lib0.ErrUTF8},
		"root name that is not UTF-8":     {"010101000401" + "01ff016100", lib0.ErrUTF8},
		"key that is not UTF-8":           {"0101010028" + "01017401ff017e00", lib0.ErrUTF8},
		"embed that is not JSON":          {"01010100050101740" + "17b00", ErrJSON}, // every browser throws
		"format that is not JSON":         {"0101010006010174016201" + "7800", ErrJSON},
		"JSON nested beyond the limit":    {"010101000501" + "0174" + hex.EncodeToString(lib0.AppendVarString(nil, deepJSON)) + "00", lib0.ErrDepth},
		"any nested beyond the limit":     {"01010100080101740" + "1" + deepAny + "00", lib0.ErrDepth}, // stack overflow in every browser
		"subdocument options not objects": {"010101000901017401677e00", ErrOptions},                    // clients read properties of null
	} {
		update, err := hex.DecodeString(c.update)
		if err != nil {
			t.Fatal(name, err)
		}
		d := New(Options{})
		text, _ := hex.DecodeString("01010200040101740161" + "00")
		if _, err := d.ApplyUpdate(text); err != nil {
			t.Fatal(err)
		}
		before := d.EncodeStateAsUpdate(nil)
		changed, err := d.ApplyUpdate(update)
		if changed || !errors.Is(err, c.want) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: changed %v, %v; want %v", name, changed, err, c.want)
		}
		if !bytes.Equal(before, d.EncodeStateAsUpdate(nil)) || len(d.Roots()) != 1 {
			t.Errorf("%s: refused, but the document changed", name)
		}
		if err := ValidateUpdate(update); !errors.Is(err, c.want) {
			t.Errorf("%s: ValidateUpdate says %v", name, err)
		}
	}
}

// Yjs takes these, or they come from old writers: so they are taken.
func TestTolerated(t *testing.T) {
	for name, c := range map[string]struct{ update, state string }{
		"integers with padding":             {"8100010100040101740161" + "00", "0101010004010174016100"},
		"a section without structs":         {"02000500" + "010100040101740161" + "00", "0101010004010174016100"},
		"deletes unsorted and overlapping":  {"010101000401017403616263" + "0101020101" + "0002", "0101010001010174" + "02" + "010101" + "0002"},
		"undefined in JSON content":         {"01010100020101740109756e646566696e656400", ""},
		"a parent that is not a type":       {"0102010004010174016104000100016200", ""},
		"clients in ascending order":        {"0201010004010174016101020004010174016200", "0201020004010174016201010004010174016100"},
		"rest of a struct that is deleted":  {"0101010004010174026162" + "0101010101", ""},
		"value of a key that lost its race": {"0201020028010174016b017e01010028010174016b017e00", ""},
	} {
		update, err := hex.DecodeString(c.update)
		if err != nil {
			t.Fatal(name, err)
		}
		d := New(Options{})
		if changed, err := d.ApplyUpdate(update); err != nil || !changed || d.Check() != nil {
			t.Errorf("%s: changed %v, %v, check %v", name, changed, err, d.Check())
		}
		if got := hex.EncodeToString(d.EncodeStateAsUpdate(nil)); c.state != "" && got != c.state && name != "deletes unsorted and overlapping" {
			t.Errorf("%s: %s, want %s", name, got, c.state)
		}
	}
}

// flood is an update with n sections, made by section from the number of each.
func flood(n int, section func(dst []byte, i int) []byte) []byte {
	u := lib0.AppendUvarint(nil, uint64(n))
	for i := range n {
		u = section(u, i)
	}
	return append(u, 0)
}

func text(dst []byte, client, clock uint64, place ...byte) []byte {
	dst = codec.AppendID(append(dst, 1), client, clock)
	return append(append(dst, place...), 1, 'x')
}

// budget is what an update may cost: bytes allocated in all, garbage included, for each
// of its own. The worst shapes cut an item in two with every two or three bytes; those
// that bring a client or a root with every few bytes stay below 80.
const budget = 64

// TestFloods checks that hostile updates are applied or refused within a second, and that
// all allocations stay within the budget times the input size plus 1 MiB.
func TestFloods(t *testing.T) {
	limit := 10 * time.Second // a second on a quiet machine
	if thin {
		limit *= 10
	}
	root := []byte{4, 1, 1, 't'}
	gcs := append(codec.AppendID(lib0.AppendUvarint([]byte{1}, 300_000), 1, 0), bytes.Repeat([]byte{0, 1}, 300_000)...)
	tombs := codec.AppendID(lib0.AppendUvarint([]byte{1}, 200_001), 1, 0)
	tombs = append(append(tombs, 4, 1, 1, 't', 1, 'x'), bytes.Repeat([]byte{0x81, 1, 0, 1}, 200_000)...)
	nested := codec.AppendID(lib0.AppendUvarint([]byte{1}, 100_000), 1, 0)
	nested = append(nested, 7, 1, 1, 't', 1)
	for i := range uint64(99_999) {
		nested = append(codec.AppendID(append(nested, 7, 0), 1, i), 1)
	}
	holes := codec.AppendID(lib0.AppendUvarint([]byte{1}, 100_001), 1, 0)
	holes = lib0.AppendVarBytes(append(holes, 4, 1, 1, 't'), bytes.Repeat([]byte{'x'}, 300_000))
	for range 100_000 {
		holes = append(holes, 4, 1, 1, 't', 1, 'x')
	}
	holes = lib0.AppendUvarint(append(holes, 1, 1), 140_000)
	for i := range uint64(140_000) {
		holes = codec.AppendID(holes, 2*i+1, 1)
	}
	for name, update := range map[string][]byte{
		"a long text full of holes, not the last": holes,
		"100,000 writers at one place, all at once": flood(100_000, func(dst []byte, i int) []byte {
			return text(dst, uint64(i+1), 0, root...)
		}),
		"20,000 writers of one key": flood(20_000, func(dst []byte, i int) []byte {
			return text(dst, uint64(i+1), 0, 0x24, 1, 1, 't', 1, 'k')
		}),
		"100,000 roots": flood(100_000, func(dst []byte, i int) []byte {
			return text(dst, uint64(i+1), 0, append([]byte{4, 1, 5}, fmt.Sprintf("%05d", i%100_000)...)...)
		}),
		"100,000 clients that wait": flood(100_000, func(dst []byte, i int) []byte {
			return text(dst, uint64(i+1), 9, root...)
		}),
		"100,000 clients in a chain": flood(100_000, func(dst []byte, i int) []byte {
			if i == 0 {
				return text(dst, 1, 0, root...)
			}
			return text(dst, uint64(i+1), 0, codec.AppendID([]byte{0x84}, uint64(i), 0)...)
		}),
		"300,000 GCs":             append(gcs, 0),
		"200,000 tombstones":      append(tombs, 0),
		"100,000 types in a type": append(nested, 1, 1, 1, 0, 1),
	} {
		d := New(Options{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := d.ApplyUpdate(update)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		spent := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes, %v, %.1f bytes allocated for each, %v",
			name, len(update), took.Round(time.Millisecond), float64(spent)/float64(len(update)), err)
		if err != nil && !errors.Is(err, ErrPendingFull) {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !thin && spent > budget*uint64(len(update))+1<<20 {
			t.Errorf("%s: %d bytes allocated for %d", name, spent, len(update))
		}
		if took > limit {
			t.Errorf("%s: took %v", name, took)
		}
		if _, err := d.JSON(); err != nil && !errors.Is(err, ErrTooDeep) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPendingLimits checks that the pending structs are bounded, that an update refused
// for that leaves the document unchanged, that smaller updates are still accepted, and
// that a document at the limit can be loaded again.
func TestPendingLimits(t *testing.T) {
	d := New(Options{})
	root := []byte{4, 1, 1, 't'}
	refused := 0
	for i := range uint64(MaxPendingStructs + 10) {
		u := append(text([]byte{1}, 7, MaxPendingStructs*3-2*i, root...), 0) // backwards, with gaps
		changed, err := d.ApplyUpdate(u)
		if err != nil {
			if !errors.Is(err, ErrPendingFull) || changed {
				t.Fatal(i, changed, err)
			}
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d refused, want 10", refused)
	}
	stored := d.EncodeStateAsUpdate(nil)
	if changed, err := d.ApplyUpdate(append(text([]byte{1}, 8, 0, root...), 0)); !changed || err != nil {
		t.Errorf("what fits was not taken: %v, %v", changed, err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	again := New(Options{})
	if _, err := again.ApplyUpdate(stored); err != nil {
		t.Errorf("stored state refused: %v", err)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}

	deletes := codec.AppendID([]byte{0, 1}, 9, MaxPendingDeletes*3)
	for i := range uint64(MaxPendingDeletes * 3) {
		deletes = codec.AppendID(deletes, 2*i, 1)
	}
	before := d.EncodeStateAsUpdate(nil)
	if _, err := d.ApplyUpdate(deletes); !errors.Is(err, ErrPendingFull) {
		t.Errorf("deletes of unknown units: %v", err)
	}
	if !bytes.Equal(before, d.EncodeStateAsUpdate(nil)) {
		t.Error("refused deletes changed the document")
	}
}

// TestReversedStream checks that updates which arrive in reverse order do not take
// quadratic time.
func TestReversedStream(t *testing.T) {
	const n = 9_000
	author := New(Options{ClientID: 1})
	rng := rand.New(rand.NewPCG(1, 1))
	var updates [][]byte
	for i := range n {
		u, err := author.InsertText("t", rng.IntN(i+1), "x")
		if err != nil {
			t.Fatal(err)
		}
		updates = append(updates, u)
	}
	d := New(Options{})
	start := time.Now()
	for i := range updates {
		if _, err := d.ApplyUpdate(updates[len(updates)-1-i]); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d updates backwards: %v", n, time.Since(start))
	if !bytes.Equal(d.EncodeStateAsUpdate(nil), author.EncodeStateAsUpdate(nil)) || d.HasPending() {
		t.Error("not the author's document")
	}
}

// TestDuplicateClientID documents a limitation shared with Yjs: the items of two writers
// with one client id cannot be distinguished. The first to arrive stays, and the document
// passes Check.
func TestDuplicateClientID(t *testing.T) {
	a, b := New(Options{ClientID: 1}), New(Options{ClientID: 1})
	ua, _ := a.InsertText("t", 0, "aa")
	ub, _ := b.InsertText("u", 0, "bbb")
	for _, u := range [][]byte{ub} {
		if _, err := a.ApplyUpdate(u); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.ApplyUpdate(ua); err != nil {
		t.Fatal(err)
	}
	if a.Text("t").String() != "aab" || b.Text("u").String() != "bbb" {
		t.Errorf("%q %q", a.Text("t").String(), b.Text("u").String())
	}
	if err := errors.Join(a.Check(), b.Check()); err != nil {
		t.Error(err)
	}
}
