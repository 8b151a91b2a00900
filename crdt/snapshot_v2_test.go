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
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/crdt/lib0"
)

// TestYjsSnapshotsV2 promises: the snapshots that TestYjsSnapshots compares in V1 read
// and are written in V2 as by Yjs. WEFT_SNAPSHOTS names a file of fresh ones, as
// testdata/interop/gen-snapshots.mjs writes them.
func TestYjsSnapshotsV2(t *testing.T) {
	path := "testdata/interop/yjs-13.6.33-snapshots.jsonl.gz"
	if fresh := os.Getenv("WEFT_SNAPSHOTS"); fresh != "" {
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
	n := 0
	for ; lines.Scan(); n++ {
		var h struct {
			Seed   uint64
			V1, V2 hexBytes
		}
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		want, err := DecodeSnapshot(h.V1)
		if err != nil {
			t.Fatalf("seed %d: %v", h.Seed, err)
		}
		if got := want.AppendV2(nil); !bytes.Equal(got, h.V2) {
			t.Errorf("seed %d: %x, Yjs %x", h.Seed, got, h.V2)
		}
		got, err := DecodeSnapshotV2(h.V2)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("seed %d: %v, decodes to another:\n%s", h.Seed, err, diff)
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("%d snapshots", n)
}

// TestYjsSnapshotVectorV2 promises: the named vector reads as what it is.
func TestYjsSnapshotVectorV2(t *testing.T) {
	text := readVectors(t)["snapshot v2"].(string)
	b, _ := hex.DecodeString(text)
	got, err := DecodeSnapshotV2(b)
	want := Snapshot{[]Range{{ID{1, 1}, 1}}, StateVector{1: 3}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if again := hex.EncodeToString(got.AppendV2(nil)); again != text {
		t.Errorf("encodes to %s, Yjs %s", again, text)
	}
}

// TestSnapshotV2Order promises: clients in any order and twice, and ranges that touch,
// are read and written as one normal form.
func TestSnapshotV2Order(t *testing.T) {
	// Client 1: [2,4) [4,5), client 7: [0,1), client 1 again: [3,6).
	b, _ := hex.DecodeString("03" + "0102" + "0201" + "0000" + "0701" + "0000" + "0101" + "0302" + "00")
	want := Snapshot{[]Range{{ID{7, 0}, 1}, {ID{1, 2}, 4}}, StateVector{}}
	got, err := DecodeSnapshotV2(b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestSnapshotV2Refused(t *testing.T) {
	const top = "ffffffffffffff0f" // 2^53-1
	for name, c := range map[string]struct {
		bytes string
		want  error
	}{
		"nothing at all":                  {"", lib0.ErrShort},
		"no state vector":                 {"00", lib0.ErrShort},
		"bytes behind the end":            {"000000", ErrTrailing},
		"more clients than bytes":         {"ffffffff0f00", lib0.ErrShort},
		"more ranges than bytes":          {"0101ffffffff0f00", lib0.ErrShort},
		"range beyond 2^53":               {"010101" + top + "0000", ErrClock},
		"longer than 2^53":                {"01010100" + top + "00", ErrClock},
		"a second range beyond 2^53":      {"010102" + "0000" + top + "0000", ErrClock},
		"a second range that is too long": {"010102" + "0000" + "00" + top + "00", ErrClock},
		"integer beyond 2^53":             {"0101ffffffffffffffff7f0100", lib0.ErrOverflow},
		"cut off in a range":              {"01010101", lib0.ErrShort},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := DecodeSnapshotV2(b); !errors.Is(err, c.want) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestSnapshotV2Memory promises: reading takes no more than 64 times the bytes at hand.
func TestSnapshotV2Memory(t *testing.T) {
	if thin {
		t.Skip("the race detector allocates too")
	}
	b := lib0.AppendUvarint([]byte{1, 1}, 100_000)
	for range 100_000 {
		b = append(b, 1, 0)
	}
	b = append(b, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := DecodeSnapshotV2(b)
	runtime.ReadMemStats(&after)
	if err != nil || len(s.Deleted) != 100_000 {
		t.Fatal(err, len(s.Deleted))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > uint64(64*len(b)) {
		t.Errorf("%d bytes allocated for %d", got, len(b))
	}
}

// FuzzSnapshotV2: any bytes are refused, or read to a snapshot that encodes to the same
// in both formats.
func FuzzSnapshotV2(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{1, 1, 1, 1, 0, 1, 1, 3})
	for _, h := range someHistories(f, 4) {
		d := New(Options{})
		if _, err := d.ApplyUpdate(h.FullV1); err != nil {
			f.Fatal(err)
		}
		f.Add(d.Snapshot().AppendV2(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSnapshotV2(b)
		if err != nil {
			return
		}
		again, err := DecodeSnapshotV2(s.AppendV2(nil))
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		v1, err := DecodeSnapshot(s.Append(nil))
		if diff := cmp.Diff(s, v1); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}
