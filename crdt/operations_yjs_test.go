package crdt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// eachLine hands over every line of a file beside the goldens, or of the one that an
// environment variable names.
func eachLine(t *testing.T, golden, variable string, line func([]byte)) {
	path := "testdata/interop/" + golden
	if fresh := os.Getenv(variable); fresh != "" {
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
	for ; lines.Scan(); n++ {
		line(lines.Bytes())
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("%d lines", n)
}

// TestYjsOperations checks that merges of updates that overlap and have gaps, diffs,
// state vectors and metadata, in V1 and V2, have the same bytes as in Yjs.
// WEFT_OPERATIONS names a file of fresh cases, as testdata/interop/gen-operations.mjs
// writes them.
func TestYjsOperations(t *testing.T) {
	eachLine(t, "yjs-13.6.33-operations.jsonl.gz", "WEFT_OPERATIONS", func(line []byte) {
		var h struct {
			Seed         uint64
			Updates      []hexBytes
			Merged, Diff hexBytes
			MergedV2     hexBytes `json:"merged_v2"`
			DiffV2       hexBytes `json:"diff_v2"`
			SV, State    hexBytes
			Meta         [][3]uint64
		}
		if err := json.Unmarshal(line, &h); err != nil {
			t.Fatal(err)
		}
		var us, us2 [][]byte
		for _, u := range h.Updates {
			v2, err := ConvertUpdateV1ToV2(u)
			if err != nil {
				t.Fatal(err)
			}
			us, us2 = append(us, u), append(us2, v2)
		}
		is := func(what string, got []byte, err error, want hexBytes) {
			t.Helper()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("seed %d: %s: %v\n%x, Yjs\n%x", h.Seed, what, err, got, want)
			}
		}
		merged, err := MergeUpdates(us...)
		is("merge", merged, err, h.Merged)
		merged, err = MergeUpdatesV2(us2...)
		is("merge V2", merged, err, h.MergedV2)
		sv, err := DecodeStateVector(h.SV)
		if err != nil {
			t.Fatal(err)
		}
		diff, err := DiffUpdate(h.Merged, sv)
		is("diff", diff, err, h.Diff)
		diff, err = DiffUpdateV2(h.MergedV2, sv)
		is("diff V2", diff, err, h.DiffV2)
		state, err := StateVectorFromUpdate(h.Merged)
		is("state vector", state.Append(nil), err, h.State)
		state, err = StateVectorFromUpdateV2(h.MergedV2)
		is("state vector V2", state.Append(nil), err, h.State)
		want := map[uint64]Clocks{}
		for _, m := range h.Meta {
			want[m[0]] = Clocks{m[1], m[2]}
		}
		meta, err := ParseUpdateMeta(h.Merged)
		if d := cmp.Diff(want, meta); err != nil || d != "" {
			t.Errorf("seed %d: %v, metadata:\n%s", h.Seed, err, d)
		}
		meta, err = ParseUpdateMetaV2(h.MergedV2)
		if d := cmp.Diff(want, meta); err != nil || d != "" {
			t.Errorf("seed %d: %v, metadata V2:\n%s", h.Seed, err, d)
		}
	})
}
