package crdt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/crdt/lib0"
)

// snapshotFormats are the two ways to write a snapshot.
var snapshotFormats = []struct {
	name   string
	append func(Snapshot, []byte) []byte
	decode func([]byte) (Snapshot, error)
}{
	{"v1", Snapshot.Append, DecodeSnapshot},
	{"v2", Snapshot.AppendV2, DecodeSnapshotV2},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestYjsSnapshots checks that the snapshot of every history, with and without
// KeepDeleted, has the same bytes as in Yjs in both formats, and survives decoding and
// encoding. WEFT_SNAPSHOTS names a file of fresh cases, as
// testdata/interop/gen-snapshots.mjs writes them; those are only decoded and encoded.
func TestYjsSnapshots(t *testing.T) {
	histories := map[uint64]history{}
	for i, h := range someHistories(t, 300) {
		if !thin || i%10 == 0 {
			histories[h.Seed] = h
		}
	}
	eachLine(t, "yjs-13.6.33-snapshots.jsonl.gz", "WEFT_SNAPSHOTS", func(line []byte) {
		var h struct {
			Seed   uint64
			V1, V2 hexBytes
		}
		if err := json.Unmarshal(line, &h); err != nil {
			t.Fatal(err)
		}
		snapshots := []Snapshot{}
		if of, found := histories[h.Seed]; found {
			for _, keep := range []bool{false, true} {
				d := New(Options{KeepDeleted: keep})
				for _, u := range of.Updates {
					if _, err := d.ApplyUpdate(u); err != nil {
						t.Fatal(err)
					}
				}
				snapshots = append(snapshots, d.Snapshot())
			}
		}
		for i, yjs := range []hexBytes{h.V1, h.V2} {
			format := snapshotFormats[i]
			read, err := format.decode(yjs)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", h.Seed, format.name, err)
			}
			for _, s := range append(snapshots, read) {
				if got := format.append(s, nil); !bytes.Equal(got, yjs) {
					t.Errorf("seed %d, %s: %x, Yjs %x", h.Seed, format.name, got, yjs)
				}
				if diff := cmp.Diff(s, read); diff != "" {
					t.Errorf("seed %d, %s: reads as another:\n%s", h.Seed, format.name, diff)
				}
			}
		}
	})
}

// TestYjsSnapshotVectors checks that the named vectors decode to the expected snapshots.
func TestYjsSnapshotVectors(t *testing.T) {
	want := Snapshot{[]Range{{ID{1, 1}, 1}}, StateVector{1: 3}}
	for _, format := range snapshotFormats {
		text := readVectors(t)["snapshot "+format.name].(string)
		got, err := format.decode(unhex(t, text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatal(format.name, err, diff)
		}
		if again := hex.EncodeToString(format.append(got, nil)); again != text {
			t.Errorf("%s: encodes to %s, Yjs %s", format.name, again, text)
		}
	}
	for clock, has := range []bool{true, false, true, false} {
		if want.Has(ID{1, uint64(clock)}) != has {
			t.Errorf("has unit %d: %v", clock, !has)
		}
	}
	if want.Has(ID{2, 0}) {
		t.Error("has a unit of a client it does not know")
	}
}

// TestSnapshotHas checks that, among the units that the snapshot knows, Has is false
// exactly for those in a range of Deleted.
func TestSnapshotHas(t *testing.T) {
	for _, h := range someHistories(t, 20) {
		s := apply(t, h.FullV1).Snapshot()
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

// TestSnapshotOrder checks that ranges in any order, adjacent, of repeated clients and,
// if the format allows it, overlapping or empty, are decoded and encoded in one normal
// form.
func TestSnapshotOrder(t *testing.T) {
	for i, c := range []struct {
		bytes string
		want  []Range
	}{
		// Client 1: [4,6) [0,0) [2,5), client 7: [0,1), client 1 again: [6,7).
		{"03" + "0103" + "0402" + "0000" + "0203" + "0701" + "0001" + "0101" + "0601" + "00", []Range{{ID{7, 0}, 1}, {ID{1, 2}, 5}}},
		// Client 1: [2,4) [4,5), client 7: [0,1), client 1 again: [3,6).
		{"03" + "0102" + "0201" + "0000" + "0701" + "0000" + "0101" + "0302" + "00", []Range{{ID{7, 0}, 1}, {ID{1, 2}, 4}}},
	} {
		format := snapshotFormats[i]
		got, err := format.decode(unhex(t, c.bytes))
		if diff := cmp.Diff(Snapshot{c.want, StateVector{}}, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", format.name, err, diff)
		}
		loose := Snapshot{[]Range{{ID{1, 4}, 3}, {ID{7, 0}, 1}, {ID{1, 9}, 0}, {ID{1, 2}, 3}}, nil}
		want := Snapshot{[]Range{{ID{7, 0}, 1}, {ID{1, 2}, 5}}, nil}
		if !bytes.Equal(format.append(loose, nil), format.append(want, nil)) {
			t.Errorf("%s: %x, want %x", format.name, format.append(loose, nil), format.append(want, nil))
		}
		if loose.Deleted[0] != (Range{ID{1, 4}, 3}) {
			t.Errorf("%s: reordered the caller's ranges", format.name)
		}
	}
}

func TestSnapshotRefused(t *testing.T) {
	const top = "ffffffffffffff0f" // 2^53-1
	const both = 2
	for name, c := range map[string]struct {
		format int
		bytes  string
		want   error
	}{
		"nothing at all":           {both, "", lib0.ErrShort},
		"no state vector":          {both, "00", lib0.ErrShort},
		"bytes behind the end":     {both, "000000", ErrTrailing},
		"state vector in front":    {0, "0101030101010101", lib0.ErrShort},
		"more clients than bytes":  {both, "ffffffff0f00", lib0.ErrShort},
		"more ranges than bytes":   {both, "0101ffffffff0f00", lib0.ErrShort},
		"more entries than bytes":  {both, "00ffffffff0f0101", lib0.ErrShort},
		"range beyond 2^53":        {both, "010101" + top + "0100", ErrClock},
		"integer beyond 2^53":      {both, "0101ffffffffffffffff7f0100", lib0.ErrOverflow},
		"cut off in a range":       {both, "01010101", lib0.ErrShort},
		"cut off in the last pair": {both, "000101", lib0.ErrShort},

		"longer than 2^53":                {1, "01010100" + top + "00", ErrClock},
		"a second range beyond 2^53":      {1, "010102" + "0000" + top + "0000", ErrClock},
		"a second range that is too long": {1, "010102" + "0000" + "00" + top + "00", ErrClock},
	} {
		for i, format := range snapshotFormats {
			if c.format != both && c.format != i {
				continue
			}
			if _, err := format.decode(unhex(t, c.bytes)); !errors.Is(err, c.want) || !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %s: %v, want %v", name, format.name, err, c.want)
			}
		}
	}
}

// TestSnapshotMemory checks that decoding allocates no more memory than the input size
// justifies.
func TestSnapshotMemory(t *testing.T) {
	ranges := lib0.AppendUvarint([]byte{1, 1}, 100_000)
	for range 100_000 {
		ranges = append(ranges, 1, 1) // legal in both formats, and all apart in V2
	}
	entries := lib0.AppendUvarint([]byte{0}, 100_000)
	for client := range uint64(100_000) {
		entries = append(lib0.AppendUvarint(entries, client), 1)
	}
	clients := lib0.AppendUvarint(nil, 50_000)
	for client := range uint64(50_000) {
		clients = append(lib0.AppendUvarint(clients, math.MaxUint32-client), 1, 1, 1)
	}
	for name, b := range map[string][]byte{"ranges": append(ranges, 0), "entries": entries, "clients": append(clients, 0)} {
		for _, format := range snapshotFormats {
			affordable(t, b, func() {
				if _, err := format.decode(b); err != nil {
					t.Error(name, format.name, err)
				}
			})
		}
	}
}

// FuzzSnapshot checks that any bytes are refused or decoded to a snapshot that survives
// encoding and decoding in both formats, with memory bounded by the input size.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 3})
	f.Add([]byte{1, 1, 1, 1, 0, 1, 1, 3})
	f.Add([]byte{3, 1, 3, 4, 2, 0, 0, 2, 3, 7, 1, 0, 1, 1, 1, 6, 1, 0})
	for _, h := range someHistories(f, 4) {
		for _, format := range snapshotFormats {
			f.Add(format.append(apply(f, h.FullV1).Snapshot(), nil))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range snapshotFormats {
			var s Snapshot
			var err error
			affordable(t, b, func() { s, err = format.decode(b) })
			if err != nil {
				if !errors.Is(err, ErrMalformed) {
					t.Fatal(err)
				}
				continue
			}
			for _, other := range snapshotFormats {
				written := other.append(s, nil)
				again, err := other.decode(written)
				if diff := cmp.Diff(s, again); err != nil || diff != "" {
					t.Fatal(format.name, other.name, err, diff)
				}
				if !bytes.Equal(written, other.append(again, nil)) {
					t.Fatalf("%x, again %x", written, other.append(again, nil))
				}
			}
			for _, r := range s.Deleted {
				if r.Length == 0 || s.Has(r.ID) || s.Has(ID{r.Client, r.Clock + r.Length - 1}) {
					t.Fatalf("%+v", r)
				}
			}
		}
	})
}
