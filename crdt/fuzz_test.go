package crdt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"weft/crdt/internal/codec"
)

// seedUpdates adds updates made by Yjs to a fuzz corpus: the vectors, and the first few
// histories.
func seedUpdates(f *testing.F, add func(update []byte)) {
	b, err := os.ReadFile("testdata/interop/yjs-vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var vectors map[string]any
	if err := json.Unmarshal(b, &vectors); err != nil {
		f.Fatal(err)
	}
	for name, v := range vectors {
		if s, ok := v.(string); ok && strings.HasSuffix(name, " v1") {
			u, _ := hex.DecodeString(s)
			add(u)
		}
	}
	for _, h := range someHistories(f, 4) {
		add(h.FullV1)
		add(h.Merged)
		for _, u := range h.Updates[:5] {
			add(u)
		}
	}
}

func someHistories(t testing.TB, n int) (hs []history) {
	file, err := os.Open("testdata/interop/yjs-13.6.33-histories.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for len(hs) < n && lines.Scan() {
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		hs = append(hs, h)
	}
	return hs
}

// FuzzApply checks that any bytes are either refused, leaving the document unchanged, or
// applied, leaving a document that passes Check and whose stored state can be loaded
// again. base selects the document.
func FuzzApply(f *testing.F) {
	bases := [][]byte{{0, 0}}
	for _, h := range someHistories(f, 6) {
		bases = append(bases, h.FullV1, h.Updates[len(h.Updates)/2])
	}
	seedUpdates(f, func(u []byte) {
		f.Add(u, []byte{0, 0}, uint8(0))
		f.Add(u, u, uint8(1))
		f.Add(u, bases[2], uint8(len(u)))
	})
	f.Fuzz(func(t *testing.T, first, second []byte, base uint8) {
		d := New(Options{KeepDeleted: base&128 != 0})
		if _, err := d.ApplyUpdate(bases[int(base&127)%len(bases)]); err != nil {
			t.Fatal(err)
		}
		for _, u := range [][]byte{first, second, first} {
			before := d.EncodeStateAsUpdate(nil)
			changed, err := d.ApplyUpdate(u)
			if bad := d.Check(); bad != nil {
				t.Fatalf("after %x (%v): %v", u, err, bad)
			}
			if !changed && !bytes.Equal(before, d.EncodeStateAsUpdate(nil)) {
				t.Fatalf("after %x (%v): not the same document", u, err)
			}
			if valid := ValidateUpdate(u); (valid == nil) != (err == nil) {
				t.Fatalf("%x: valid %v, applied %v", u, valid, err)
			}
		}
		if _, err := d.JSON(); err != nil && err != ErrTooDeep {
			t.Fatal(err)
		}
		stored := d.EncodeStateAsUpdate(nil)
		var u parsedUpdate
		if err := u.parse(stored); err != nil {
			t.Fatal(err)
		}
		var w codec.Struct
		for i := range u.sources {
			if _, ok := u.sources[i].peek(&w); !ok || w.Kind == kindSkip {
				t.Fatalf("the section of client %d is empty or begins with a Skip", u.sources[i].client)
			}
		}
		loaded := New(Options{})
		if _, err := loaded.ApplyUpdate(stored); err != nil {
			t.Fatalf("own state refused: %v", err)
		}
		if err := loaded.Check(); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(loaded.StateVector(), d.StateVector()) || loaded.HasPending() != d.HasPending() {
			t.Fatalf("loaded %v, stored %v", loaded.StateVector(), d.StateVector())
		}
		if again, err := loaded.ApplyUpdate(d.EncodeStateAsUpdate(loaded.StateVector())); again || err != nil {
			t.Fatalf("diff against an equal document: changed %v, %v", again, err)
		}
	})
}

// FuzzStateVector checks that any bytes are refused or decoded to a vector that survives
// encoding and decoding.
func FuzzStateVector(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 2, 1, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		sv, err := DecodeStateVector(b)
		if err != nil {
			return
		}
		again, err := DecodeStateVector(sv.Append(nil))
		if err != nil || !maps.Equal(sv, again) {
			t.Fatalf("%v, again %v, %v", sv, again, err)
		}
		New(Options{}).EncodeStateAsUpdate(sv)
	})
}

// FuzzApplyV2 checks that an update V2 has the same effect as its conversion to V1, is
// refused if that is refused, and then leaves the document unchanged. base selects the
// document.
func FuzzApplyV2(f *testing.F) {
	bases := [][]byte{{0, 0}}
	for _, h := range someHistories(f, 6) {
		bases = append(bases, h.FullV1, h.Updates[len(h.Updates)/2])
	}
	seedUpdates(f, func(u []byte) {
		if v2, err := ConvertUpdateV1ToV2(u); err == nil {
			f.Add(v2, uint8(0))
			f.Add(v2, uint8(len(u)))
		}
	})
	f.Fuzz(func(t *testing.T, update []byte, base uint8) {
		var docs [2]*Doc
		for i := range docs {
			docs[i] = New(Options{KeepDeleted: base&128 != 0})
			if _, err := docs[i].ApplyUpdate(bases[int(base&127)%len(bases)]); err != nil {
				t.Fatal(err)
			}
		}
		before := docs[0].EncodeStateAsUpdate(nil)
		v1, err := ConvertUpdateV2ToV1(update)
		if len(v1) > 1<<18 {
			return
		}
		changed, errV2 := docs[0].ApplyUpdateV2(update)
		if bad := docs[0].Check(); bad != nil {
			t.Fatal(bad)
		}
		if errV2 != nil && !bytes.Equal(before, docs[0].EncodeStateAsUpdate(nil)) {
			t.Fatalf("refused (%v), but the document changed", errV2)
		}
		if err != nil || errV2 != nil {
			if (err == nil) != (errV2 == nil) && errors.Is(errors.Join(err, errV2), ErrMalformed) {
				t.Fatalf("applied: %v, converted: %v", errV2, err)
			}
			return
		}
		if again, err := docs[1].ApplyUpdate(v1); err != nil || again != changed {
			t.Fatalf("as V1: changed %v, %v; as V2 %v", again, err, changed)
		}
		if x, y := docs[0].EncodeStateAsUpdate(nil), docs[1].EncodeStateAsUpdate(nil); !bytes.Equal(x, y) {
			t.Fatalf("as V2\n%x, as V1\n%x", x, y)
		}
	})
}
