package crdt

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// The B4 editing trace: one paper written key by key (Martin Kleppmann's recording,
// replayed through Yjs). It is not ours to copy: tests find it beside the checkout or
// where WEFT_FIXTURES says, and are skipped without it.
func fixture(t testing.TB, name string) []byte {
	for _, dir := range []string{os.Getenv("WEFT_FIXTURES"), "../../shared/fixtures"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil && dir != "" {
			return b
		}
	}
	t.Skipf("no fixture %s: set WEFT_FIXTURES to the folder that has it", name)
	return nil
}

func trace(t testing.TB) (updates [][]byte) {
	z, err := gzip.NewReader(bytes.NewReader(fixture(t, "b4.updates.v1.bin.gz")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := 4 + binary.LittleEndian.Uint32(b)
		updates = append(updates, b[4:n])
		b = b[n:]
	}
	return updates
}

// TestTrace checks that applying the trace key by key gives the text and the bytes of
// Yjs, at half and at the end, and that a diff against a state vector brings the half to
// the whole.
func TestTrace(t *testing.T) {
	updates := trace(t)
	half := fixture(t, "b4.half.v1")
	d := New(Options{})
	matched := false
	for i, u := range updates {
		changed, err := d.ApplyUpdate(u)
		if err != nil || !changed {
			t.Fatalf("update %d: changed %v, %v", i, changed, err)
		}
		if i+1 == len(updates)/2 {
			matched = bytes.Equal(d.EncodeStateAsUpdate(nil), half) &&
				bytes.Equal(d.EncodeStateVector(), fixture(t, "b4.half.sv"))
		}
	}
	if !matched {
		t.Error("half-way, the bytes are not those of Yjs")
	}
	if d.Text("text").String() != string(fixture(t, "b4.final.txt")) {
		t.Error("the text is not that of Yjs")
	}
	final := fixture(t, "b4.final.v1")
	if !bytes.Equal(d.EncodeStateAsUpdate(nil), final) {
		t.Error("the full state is not that of Yjs")
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}

	behind := New(Options{})
	if _, err := behind.ApplyUpdate(half); err != nil {
		t.Fatal(err)
	}
	if _, err := behind.ApplyUpdate(d.EncodeStateAsUpdate(behind.StateVector())); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(behind.EncodeStateAsUpdate(nil), final) {
		t.Error("half plus diff is not the whole")
	}
}

// BenchmarkApplyTrace measures applying the 260,000 keystrokes of a document one by one.
// heap-B is the heap that the document then occupies.
func BenchmarkApplyTrace(b *testing.B) {
	updates := trace(b)
	b.ReportAllocs()
	for b.Loop() {
		d := New(Options{})
		for _, u := range updates {
			d.ApplyUpdate(u) //nolint:errcheck // TestTrace
		}
	}
	b.ReportMetric(heapOf(func() *Doc {
		d := New(Options{})
		for _, u := range updates {
			d.ApplyUpdate(u) //nolint:errcheck // TestTrace
		}
		return d
	}), "heap-B")
	runtime.KeepAlive(updates)
}

// BenchmarkLoad measures loading a stored document.
func BenchmarkLoad(b *testing.B) {
	final := fixture(b, "b4.final.v1")
	b.ReportAllocs()
	for b.Loop() {
		New(Options{}).ApplyUpdate(final) //nolint:errcheck // TestTrace
	}
	b.ReportMetric(heapOf(func() *Doc {
		d := New(Options{})
		d.ApplyUpdate(final) //nolint:errcheck // TestTrace
		return d
	}), "heap-B")
}

// BenchmarkEncode measures encoding a full state, and the diff for a peer that is 100
// keys behind.
func BenchmarkEncode(b *testing.B) {
	final := fixture(b, "b4.final.v1")
	sv, err := DecodeStateVector(fixture(b, "b4.last100.sv"))
	if err != nil {
		b.Fatal(err)
	}
	d := New(Options{})
	d.ApplyUpdate(final) //nolint:errcheck // TestTrace
	for name, sv := range map[string]StateVector{"full": nil, "diff100": sv} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = d.AppendStateAsUpdate(buf[:0], sv)
			}
		})
	}
}

// heapOf is how many bytes the heap grows by what make keeps.
func heapOf(make func() *Doc) float64 {
	var before, after runtime.MemStats
	docs := [50]*Doc{} // so many that other changes of the heap do not matter
	runtime.GC()
	runtime.GC() // the first call may leave earlier garbage to be swept later
	runtime.ReadMemStats(&before)
	for i := range docs {
		docs[i] = make()
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(&docs)
	return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(len(docs))
}
