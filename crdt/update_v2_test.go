package crdt

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// TestYjsHistoriesV2 checks that the full state in format V2 equals that of Yjs byte for
// byte, and loads to the same document. WEFT_VECTORS names a file of other histories.
func TestYjsHistoriesV2(t *testing.T) {
	n := 0
	check := func(h *history) {
		n++
		d := apply(t, someUpdates(h)...)
		if got := d.EncodeStateAsUpdateV2(nil); !bytes.Equal(got, h.FullV2) {
			t.Errorf("seed %d:\n%x, Yjs\n%x", h.Seed, got, h.FullV2)
		}
		loaded := New(Options{})
		if changed, err := loaded.ApplyUpdateV2(h.FullV2); !changed || err != nil {
			t.Fatalf("seed %d: changed %v, %v", h.Seed, changed, err)
		}
		if got := loaded.EncodeStateAsUpdate(nil); !bytes.Equal(got, h.FullV1) {
			t.Errorf("seed %d: loaded from V2\n%x, Yjs\n%x", h.Seed, got, h.FullV1)
		}
		for _, u := range h.Updates {
			v2, err := ConvertUpdateV1ToV2(u)
			if err != nil {
				t.Fatalf("seed %d: %x: %v", h.Seed, u, err)
			}
			if v1, err := ConvertUpdateV2ToV1(v2); err != nil || !bytes.Equal(v1, u) {
				t.Fatalf("seed %d: %x there and back %x: %v", h.Seed, u, v1, err)
			}
		}
	}
	if path := os.Getenv("WEFT_VECTORS"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var h history
			if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
				t.Fatal(err)
			}
			check(&h)
		}
	} else {
		for _, h := range someHistories(t, 300) {
			check(&h)
		}
	}
	t.Logf("%d histories", n)
}

// TestYjsVectorsV2 checks that the named vectors in V2 are those to which the vectors in
// V1 convert.
func TestYjsVectorsV2(t *testing.T) {
	vectors := readVectors(t)
	n := 0
	for name, value := range vectors {
		base, ok := strings.CutSuffix(name, " v2")
		v1, isText := vectors[base+" v1"].(string)
		if !ok || !isText || strings.HasPrefix(name, "snapshot") {
			continue
		}
		n++
		first, _ := hex.DecodeString(v1)
		got, err := ConvertUpdateV1ToV2(first)
		if err != nil || hex.EncodeToString(got) != value {
			t.Errorf("%s: %x, Yjs %s, %v", name, got, value, err)
		}
		second, _ := hex.DecodeString(value.(string))
		if back, err := ConvertUpdateV2ToV1(second); err != nil || !bytes.Equal(back, first) {
			t.Errorf("%s: back %x, Yjs %s, %v", name, back, v1, err)
		}
	}
	if n < 8 {
		t.Errorf("only %d vectors found", n)
	}
}

// twoKeys returns an update (V1) in which a client overwrites two keys in turns, n times.
func twoKeys(n int) []byte {
	u := append(codec.AppendID([]byte{1}, uint64(n), 1), 0)
	u = append(u, 0x21, 1, 1, 'm', 1, 'k', 1)
	u = append(u, 0x21, 1, 1, 'm', 1, 'l', 1)
	for i := range uint64(n - 2) {
		u = append(codec.AppendID(append(u, 0xa1), 1, i), 1)
	}
	return lib0.AppendUvarint(append(u, 1, 1, 1, 0), uint64(n))
}

// TestDenseV2 checks that two keys overwritten in turns fit into a few bytes, although
// they stand for many structs, and that a document accepts its own encoding of very many
// structs.
func TestDenseV2(t *testing.T) {
	for _, n := range []int{10_000, 50_000} {
		u := twoKeys(n)
		d := apply(t, u)
		v2 := d.EncodeStateAsUpdateV2(nil)
		if few := n == 10_000; few != (len(v2) < 100) {
			t.Errorf("%d structs in %d bytes", n, len(v2))
		}
		if again, err := ConvertUpdateV1ToV2(u); err != nil || !bytes.Equal(again, v2) {
			t.Errorf("%d structs converted to %d bytes, encoded to %d: %v", n, len(again), len(v2), err)
		}
		if v1, err := ConvertUpdateV2ToV1(v2); err != nil || !bytes.Equal(v1, u) {
			t.Fatal(len(v1), len(u), err)
		}
		loaded := New(Options{})
		if _, err := loaded.ApplyUpdateV2(v2); err != nil || !bytes.Equal(loaded.EncodeStateAsUpdate(nil), u) {
			t.Errorf("%d structs: loaded to another document: %v", n, err)
		}
	}
}

// TestDenseFromYjs checks that an unpadded update which stands for too many structs, as
// Yjs writes it, is refused from peers and accepted from the store.
func TestDenseFromYjs(t *testing.T) {
	u := twoKeys(50_000)
	var p parsedUpdate
	if err := p.parse(u); err != nil {
		t.Fatal(err)
	}
	e, err := p.encodeV2()
	if err != nil {
		t.Fatal(err)
	}
	dense := e.FinishUnpadded(p.deletes.Normalise())
	d := New(Options{})
	if _, err := d.ApplyUpdateV2(dense); len(dense) > 100 || !errors.Is(err, ErrTooDense) {
		t.Fatal(len(dense), err)
	}
	if _, err := d.ApplyStoredV2(dense); err != nil || !bytes.Equal(d.EncodeStateAsUpdate(nil), u) {
		t.Fatal(err)
	}
	if v1, err := ConvertUpdateV2ToV1(dense); err != nil || !bytes.Equal(v1, u) {
		t.Fatal(len(v1), err)
	}
}

// TestManyDeletesV2 checks that an encoded update with very many deleted ranges is
// accepted, where it splits a long text into pieces and where it does not.
func TestManyDeletesV2(t *testing.T) {
	const n = 120_000
	whole := codec.AppendID(codec.AppendID([]byte{1}, 1, 1), 0, uint64(kindString))
	whole = append(whole, 1, 1, 't')
	whole = append(lib0.AppendVarBytes(whole, bytes.Repeat([]byte{'x'}, n)), 0)
	deletes := codec.AppendID([]byte{0, 1}, 1, n/2)
	for i := range uint64(n / 2) {
		deletes = codec.AppendID(deletes, 2*i, 1)
	}
	v2, err := ConvertUpdateV1ToV2(deletes)
	if err != nil {
		t.Fatal(err)
	}
	d, other := apply(t, whole), apply(t, whole, deletes)
	for i := range 2 { // the second time nothing is cut
		changed, err := d.ApplyUpdateV2(v2)
		if err != nil || changed != (i == 0) || !bytes.Equal(d.EncodeStateAsUpdate(nil), other.EncodeStateAsUpdate(nil)) {
			t.Fatalf("%d bytes for %d ranges: %v, %v", len(v2), n/2, changed, err)
		}
	}
	if len(v2) < n {
		t.Errorf("%d bytes", len(v2))
	}
}

// TestHostileV2 checks that malformed updates are refused without much memory or time, and
// leave the document unchanged.
func TestHostileV2(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}
	// build makes an update of one section of n structs of client 1; columns in order.
	build := func(n []byte, columns [9]string, rest string) []byte {
		u := []byte{0}
		for i, column := range columns {
			if i == 5 && column == "" {
				column = "\x00"
			}
			u = lib0.AppendVarBytes(u, []byte(column))
		}
		return append(append(append(append(u, 1), n...), 0), rest...)
	}
	run := "\x41" + string(huge) // the number 1, again and again
	key := strings.Repeat("k", 60_000)
	long := string(lib0.AppendVarBytes(nil, []byte(key+"t")))
	cases := map[string][]byte{
		"empty":            {},
		"short":            {0, 0, 0},
		"feature":          {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0},
		"trailing":         {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
		"structs for ever": build(huge, [9]string{1: "\x01", 4: "\x00", 8: run}, "\x00"),
		"a million too many": build([]byte{0xc1, 0x84, 0x3d}, // 1,000,001
			[9]string{1: "\x01", 4: "\x00", 8: run}, "\x00"),
		"too few lengths": build([]byte{3}, [9]string{1: "\x01", 4: "\x00", 8: "\x41\x00"}, "\x00"),
		"zero length":     build([]byte{1}, [9]string{1: "\x01", 4: "\x00", 8: "\x00"}, "\x00"),
		"unknown kind":    build([]byte{1}, [9]string{1: "\x41\x00", 4: "\x8b", 2: "\x00"}, "\x00"),
		"forward origin":  build([]byte{1}, [9]string{1: "\x41\x00", 2: "\x00", 4: "\x81", 8: "\x01"}, "\x00"),
		"negative clock":  build([]byte{1}, [9]string{1: "\x41\x00", 2: "\x42", 4: "\x81", 8: "\x01"}, "\x00"),
		"empty JSON for ever": build([]byte{1},
			[9]string{1: "\x01", 4: "\x02", 5: "\x01t" + "\x01\x40" + string(huge), 6: "\x01", 8: "\xbf\xff\xff\xff\xff\xff\xff\x1f"}, "\x00"),
		// One name of 60,000 bytes, used by every one of 100,000 elements.
		"one name for all": build([]byte{0xa0, 0x8d, 0x06},
			[9]string{0: "\x01" + string(huge), 1: "\x01", 4: "\x07", 5: long + "\x01\xa0\xa9\x07\x40" + string(huge),
				6: "\x01", 7: "\x43" + string(huge)}, "\x00"),
		"delete beyond all clocks": append([]byte{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1}, append(huge[:8:8], huge...)...),
		"deletes for ever":         append([]byte{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, huge...),
	}
	for name, u := range cases {
		d := apply(t, []byte{1, 1, 1, 0, 4, 1, 1, 't', 1, 'a', 0})
		state := d.EncodeStateAsUpdate(nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := d.ApplyUpdateV2(u)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; !thin && used > uint64(1<<20+64*len(u)) || took > time.Second {
			t.Errorf("%s: %d bytes in %v", name, used, took)
		}
		if !bytes.Equal(d.EncodeStateAsUpdate(nil), state) {
			t.Errorf("%s: refused, but the document changed", name)
		}
		if _, err := ConvertUpdateV2ToV1(u); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: converted: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}

// FuzzV2 checks, for any bytes: they are refused or are a valid update. A valid update is
// the same after conversion from V1 to V2 and back, and gives the same document as its
// form in V1. No call takes more memory than affordable allows.
func FuzzV2(f *testing.F) {
	seedUpdates(f, func(u []byte) {
		if v2, err := ConvertUpdateV1ToV2(u); err == nil {
			f.Add(v2)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(Options{})
		var changed bool
		var errApply, errConvert error
		var v1 []byte
		affordable(t, b, func() { changed, errApply = d.ApplyUpdateV2(b) })
		affordable(t, b, func() { v1, errConvert = ConvertUpdateV2ToV1(b) })
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		if errConvert != nil {
			if errApply == nil || !errors.Is(errConvert, ErrMalformed) {
				t.Fatal(errConvert, errApply)
			}
			return
		}
		if bad := errors.Is(errApply, ErrMalformed); bad && !errors.Is(errApply, ErrTooDense) {
			t.Fatal(errApply)
		}
		other := New(Options{})
		changedV1, err := other.ApplyUpdate(v1)
		if errApply == nil && (changedV1 != changed || err != nil ||
			!bytes.Equal(other.EncodeStateAsUpdate(nil), d.EncodeStateAsUpdate(nil))) {
			t.Fatalf("%x and %x: %v and %v, %v", b, v1, changed, changedV1, err)
		}
		v2, err := ConvertUpdateV1ToV2(v1)
		if err != nil {
			t.Fatalf("%x: %v", v1, err)
		}
		v1, err = ConvertUpdateV2ToV1(v2) // its sections are in order now
		if err != nil {
			t.Fatalf("%x: %v", v2, err)
		}
		if again, err := ConvertUpdateV1ToV2(v1); err != nil || !bytes.Equal(again, v2) {
			t.Fatalf("%x, as V1 %x, back %x: %v", v2, v1, again, err)
		}
		fresh := New(Options{})
		if _, err := fresh.ApplyUpdateV2(v2); err != nil && !errors.Is(err, ErrPendingFull) {
			t.Fatalf("own bytes refused: %v", err)
		}
	})
}

// affordable fails the test if do allocates more than 1 MiB and 64 bytes for each byte of
// b.
func affordable(t testing.TB, b []byte, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; !thin && used > uint64(1<<20+64*len(b)) {
		t.Errorf("%d bytes of memory for %d: %x", used, len(b), b[:min(len(b), 1000)])
	}
}
