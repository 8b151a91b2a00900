package crdt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/crdt/lib0"
)

// TestYjsSnapshots promises: the snapshot of every history is that of Yjs, byte for
// byte, whether or not what is deleted is kept, and survives being read. Like
// TestYjsHistories it takes fresh histories from WEFT_VECTORS.
func TestYjsSnapshots(t *testing.T) {
	path := "testdata/interop/yjs-13.6.33-histories.jsonl.gz"
	if fresh := os.Getenv("WEFT_VECTORS"); fresh != "" {
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
	n := 0
	for lines.Scan() {
		if n++; thin && n%10 > 0 {
			continue
		}
		var h struct {
			Seed    uint64
			Updates []hexBytes
			Expect  struct{ Snapshot hexBytes }
		}
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		for _, keep := range []bool{false, true} {
			d := New(Options{KeepDeleted: keep})
			for _, u := range h.Updates {
				if _, err := d.ApplyUpdate(u); err != nil {
					t.Fatal(err)
				}
			}
			want := d.Snapshot()
			if got := want.Append(nil); !bytes.Equal(got, h.Expect.Snapshot) {
				t.Errorf("seed %d, keep %v: %x, Yjs %x", h.Seed, keep, got, h.Expect.Snapshot)
			}
			got, err := DecodeSnapshot(h.Expect.Snapshot)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("seed %d: %v, decodes to another:\n%s", h.Seed, err, diff)
			}
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("%d histories", n)
}

// TestYjsSnapshotVector promises: the named vector reads as what it is.
func TestYjsSnapshotVector(t *testing.T) {
	text := readVectors(t)["snapshot v1"].(string)
	b, _ := hex.DecodeString(text)
	got, err := DecodeSnapshot(b)
	want := Snapshot{[]Range{{ID{1, 1}, 1}}, StateVector{1: 3}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if again := hex.EncodeToString(got.Append(nil)); again != text {
		t.Errorf("encodes to %s, Yjs %s", again, text)
	}
	for clock, has := range []bool{true, false, true, false} {
		if got.Has(ID{1, uint64(clock)}) != has {
			t.Errorf("has unit %d: %v", clock, !has)
		}
	}
	if got.Has(ID{2, 0}) {
		t.Error("has a unit of a client it does not know")
	}
}

// TestSnapshotHas promises: Has is false for what is in a range, and for nothing else
// that is known.
func TestSnapshotHas(t *testing.T) {
	for _, h := range someHistories(t, 20) {
		d := New(Options{})
		if _, err := d.ApplyUpdate(h.FullV1); err != nil {
			t.Fatal(err)
		}
		s := d.Snapshot()
		for client, state := range s.State {
			for clock := range state + 2 {
				in := slices.ContainsFunc(s.Deleted, func(r Range) bool {
					return r.Client == client && r.Clock <= clock && clock < r.Clock+r.Length
				})
				if want := clock < state && !in; s.Has(ID{client, clock}) != want {
					t.Fatalf("seed %d: unit %d of %d: want %v", h.Seed, clock, client, want)
				}
			}
		}
	}
}

// TestSnapshotOrder promises: ranges in any order, overlapping or empty, read and are
// written as one normal form.
func TestSnapshotOrder(t *testing.T) {
	// Client 1: [4,6) [0,0) [2,5), client 7: [0,1), client 1 again: [6,7).
	b, _ := hex.DecodeString("03" + "0103" + "0402" + "0000" + "0203" + "0701" + "0001" + "0101" + "0601" + "00")
	want := Snapshot{[]Range{{ID{7, 0}, 1}, {ID{1, 2}, 5}}, StateVector{}}
	got, err := DecodeSnapshot(b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	loose := Snapshot{[]Range{{ID{1, 4}, 3}, {ID{7, 0}, 1}, {ID{1, 9}, 0}, {ID{1, 2}, 3}}, nil}
	if !bytes.Equal(loose.Append(nil), want.Append(nil)) {
		t.Errorf("%x, want %x", loose.Append(nil), want.Append(nil))
	}
	if loose.Deleted[0] != (Range{ID{1, 4}, 3}) {
		t.Error("Append reordered the caller's ranges")
	}
}

func TestSnapshotRefused(t *testing.T) {
	for name, c := range map[string]struct {
		bytes string
		want  error
	}{
		"nothing at all":           {"", lib0.ErrShort},
		"no state vector":          {"00", lib0.ErrShort},
		"bytes behind the end":     {"000000", ErrTrailing},
		"state vector in front":    {"0101030101010101", lib0.ErrShort},
		"more clients than bytes":  {"ffffffff0f00", lib0.ErrShort},
		"more ranges than bytes":   {"0101ffffffff0f00", lib0.ErrShort},
		"more entries than bytes":  {"00ffffffff0f0101", lib0.ErrShort},
		"range beyond 2^53":        {"010101ffffffffffffff0f0100", ErrClock},
		"integer beyond 2^53":      {"0101ffffffffffffffff7f0100", lib0.ErrOverflow},
		"cut off in a range":       {"01010101", lib0.ErrShort},
		"cut off in the last pair": {"000101", lib0.ErrShort},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := DecodeSnapshot(b); !errors.Is(err, c.want) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestSnapshotMemory promises: reading takes no more than 64 times the bytes at hand.
func TestSnapshotMemory(t *testing.T) {
	if thin {
		t.Skip("the race detector allocates too")
	}
	ranges := lib0.AppendUvarint([]byte{1, 1}, 100_000)
	for range 100_000 {
		ranges = append(ranges, 0, 1)
	}
	entries := lib0.AppendUvarint([]byte{0}, 100_000)
	for client := range uint64(100_000) {
		entries = append(lib0.AppendUvarint(entries, client), 1)
	}
	for name, b := range map[string][]byte{"ranges": append(ranges, 0), "entries": entries} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := DecodeSnapshot(b); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(64*len(b)) {
			t.Errorf("%s: %d bytes allocated for %d", name, got, len(b))
		}
	}
}

// FuzzSnapshot: any bytes are refused, or read to a snapshot that encodes to the same.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 3})
	f.Add([]byte{3, 1, 3, 4, 2, 0, 0, 2, 3, 7, 1, 0, 1, 1, 1, 6, 1, 0})
	for _, h := range someHistories(f, 4) {
		d := New(Options{})
		if _, err := d.ApplyUpdate(h.FullV1); err != nil {
			f.Fatal(err)
		}
		f.Add(d.Snapshot().Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSnapshot(b)
		if err != nil {
			return
		}
		written := s.Append(nil)
		again, err := DecodeSnapshot(written)
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		if !bytes.Equal(written, again.Append(nil)) {
			t.Fatalf("%x, again %x", written, again.Append(nil))
		}
		for _, r := range s.Deleted {
			if r.Length == 0 || s.Has(r.ID) || s.Has(ID{r.Client, r.Clock + r.Length - 1}) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
