package crdt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func apply(t testing.TB, updates ...[]byte) *Doc {
	t.Helper()
	d := New(Options{})
	for _, u := range updates {
		if _, err := d.ApplyUpdate(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	return d
}

func someUpdates(h *history) (us [][]byte) {
	for _, u := range h.Updates {
		us = append(us, u)
	}
	return us
}

// TestMergeAsYjs checks that merging all updates of a history gives the same bytes as
// Yjs.
func TestMergeAsYjs(t *testing.T) {
	for _, h := range someHistories(t, 300) {
		us := someUpdates(&h)
		seen := map[string]bool{}
		var once [][]byte
		for _, u := range us {
			if !seen[string(u)] {
				once = append(once, u)
			}
			seen[string(u)] = true
		}
		got, err := MergeUpdates(once...)
		if err != nil || !bytes.Equal(got, h.Merged) {
			t.Errorf("seed %d: %v\n%x, Yjs\n%x", h.Seed, err, got, h.Merged)
		}
	}
}

// TestMergeLaw checks that applying a merge of any updates, overlapping or with gaps, in
// any grouping, has the same effect as applying each of them.
func TestMergeLaw(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, h := range someHistories(t, 150) {
		us := someUpdates(&h)
		for range 3 { // states and diffs overlap with the rest
			some := us[:rng.IntN(len(us))]
			u := apply(t, some...).EncodeStateAsUpdate(StateVector{h.client(): rng.Uint64N(20)})
			us = append(us, u)
		}
		rng.Shuffle(len(us), func(i, j int) { us[i], us[j] = us[j], us[i] })
		us = us[:1+rng.IntN(len(us))] // some are missing
		want := apply(t, us...)
		merged, err := MergeUpdates(us...)
		if err != nil {
			t.Fatalf("seed %d/%d: %v", seed, h.Seed, err)
		}
		cut := rng.IntN(len(us) + 1)
		left, _ := MergeUpdates(us[:cut]...)
		right, _ := MergeUpdates(us[cut:]...)
		both, err := MergeUpdates(left, right)
		if err != nil {
			t.Fatalf("seed %d/%d: %v", seed, h.Seed, err)
		}
		for _, m := range [][]byte{merged, both} {
			got := apply(t, m)
			if !bytes.Equal(got.EncodeStateVector(), want.EncodeStateVector()) {
				t.Fatalf("seed %d/%d: %v, one by one %v", seed, h.Seed, got.StateVector(), want.StateVector())
			}
			if got.HasPending() != want.HasPending() || !want.HasPending() &&
				!bytes.Equal(got.EncodeStateAsUpdate(nil), want.EncodeStateAsUpdate(nil)) {
				t.Fatalf("seed %d/%d: merged is another document", seed, h.Seed)
			}
			got.ApplyUpdate(h.Merged) //nolint:errcheck // compared below
			if !bytes.Equal(got.EncodeStateAsUpdate(nil), h.FullV1) {
				t.Fatalf("seed %d/%d: merged plus the rest is not the whole", seed, h.Seed)
			}
		}
	}
}

func (h *history) client() uint64 {
	var u parsedUpdate
	if err := u.parse(h.FullV1); err != nil || len(u.sources) == 0 {
		return 1
	}
	return u.sources[0].client
}

// TestDiffLaw checks that a document plus the diff against its state vector equals the
// whole, both for diffs of a full state and of a merge.
func TestDiffLaw(t *testing.T) {
	for _, h := range someHistories(t, 150) {
		sv, err := DecodeStateVector(h.HalfSV)
		if err != nil {
			t.Fatal(err)
		}
		for _, whole := range [][]byte{h.Merged, h.FullV1} {
			diff, err := DiffUpdate(whole, sv)
			if err != nil {
				t.Fatal(err)
			}
			half := apply(t, someUpdates(&h)[:h.Half]...)
			if _, err := half.ApplyUpdate(diff); err != nil || !bytes.Equal(half.EncodeStateAsUpdate(nil), h.FullV1) {
				t.Errorf("seed %d: half and diff are not the whole: %v", h.Seed, err)
			}
			var u parsedUpdate
			if err := u.parse(diff); err != nil {
				t.Fatal(err)
			}
			for _, s := range u.sources {
				if s.now.clock < sv[s.client] {
					t.Errorf("seed %d: diff of %d from %d, known up to %d", h.Seed, s.client, s.now.clock, sv[s.client])
				}
			}
		}
		if got, err := StateVectorFromUpdate(h.FullV1); err != nil || !bytes.Equal(got.Append(nil), h.Expect.SV) {
			t.Errorf("seed %d: state vector %v, %v", h.Seed, got, err)
		}
	}
}

func TestOperationsOnGaps(t *testing.T) {
	unhex := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	a, c := unhex("010101000401017401610000")[:11], unhex("010101028401010163"+"00")
	merged, err := MergeUpdates(c, a)
	if want := unhex("0103010004010174016" + "1" + "0a01" + "8401010163" + "00"); err != nil || !bytes.Equal(merged, want) {
		t.Fatalf("%x, %v", merged, err)
	}
	if sv, err := StateVectorFromUpdate(merged); err != nil || !maps.Equal(sv, StateVector{1: 1}) {
		t.Error(sv, err)
	}
	if sv, err := StateVectorFromUpdate(c); err != nil || len(sv) != 0 {
		t.Error(sv, err)
	}
	for _, from := range []uint64{1, 2} { // never a Skip first
		if diff, err := DiffUpdate(merged, StateVector{1: from}); err != nil || !bytes.Equal(diff, c) {
			t.Errorf("from %d: %x, %v", from, diff, err)
		}
	}
	if none, err := DiffUpdate(merged, StateVector{1: 3}); err != nil || !bytes.Equal(none, []byte{0, 0}) {
		t.Errorf("%x, %v", none, err)
	}
	if none, err := MergeUpdates(); err != nil || !bytes.Equal(none, []byte{0, 0}) {
		t.Errorf("%x, %v", none, err)
	}
	for _, bad := range [][]byte{nil, {0}, merged[:5], append(bytes.Clone(merged), 0)} {
		_, err1 := MergeUpdates(bad)
		_, err2 := MergeUpdates(a, bad)
		_, err3 := DiffUpdate(bad, nil)
		_, err4 := StateVectorFromUpdate(bad)
		for _, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%x: %v", bad, err)
			}
		}
	}
}

// TestMergeTrace checks that merging the update log of a whole paper gives as many bytes
// as in Yjs, and loads to the document that Yjs has.
func TestMergeTrace(t *testing.T) {
	merged, err := MergeUpdates(trace(t)...)
	if err != nil || len(merged) != 1_974_942 {
		t.Fatal(len(merged), err)
	}
	if got := apply(t, merged).EncodeStateAsUpdate(nil); !bytes.Equal(got, fixture(t, "b4.final.v1")) {
		t.Error("the full state is not that of Yjs")
	}
}

// TestMergeReversed checks that a log in reverse order merges to the same bytes.
func TestMergeReversed(t *testing.T) {
	d := New(Options{ClientID: 7})
	var us [][]byte
	for i := range 30_000 {
		u, err := d.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		us = append(us, u)
	}
	want, err := MergeUpdates(us...)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(us)
	if got, err := MergeUpdates(us...); err != nil || !bytes.Equal(got, want) {
		t.Fatal(len(got), len(want), err)
	}
}

// BenchmarkMerge measures merging a log of keystrokes for several lengths: ten times as
// many should take ten times as long. "all" is 259,778; "reversed" is all of them, last
// first.
func BenchmarkMerge(b *testing.B) {
	all := trace(b)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	for _, c := range []struct {
		name    string
		updates [][]byte
	}{{"1000", all[:1000]}, {"10000", all[:10_000]}, {"all", all}, {"reversed", reversed}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				MergeUpdates(c.updates...) //nolint:errcheck // TestMergeTrace
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(c.updates)), "ns/update")
		})
	}
}

// FuzzOperations checks that any two updates are refused or merge to a valid update,
// which merging alone does not change and whose diffs are well-formed, with memory
// bounded by the input size.
func FuzzOperations(f *testing.F) {
	seedUpdates(f, func(u []byte) {
		f.Add(u, []byte{0, 0}, uint64(1))
		f.Add(u, u, uint64(3))
	})
	f.Fuzz(func(t *testing.T, a, b []byte, clock uint64) {
		operate(t, operations[0], a, b, clock)
	})
}

// FuzzOperationsV2 is FuzzOperations for format V2.
func FuzzOperationsV2(f *testing.F) {
	nothing, _ := MergeUpdatesV2()
	seedUpdates(f, func(u []byte) {
		if v2, err := ConvertUpdateV1ToV2(u); err == nil {
			f.Add(v2, nothing, uint64(1))
			f.Add(v2, v2, uint64(3))
		}
	})
	f.Fuzz(func(t *testing.T, a, b []byte, clock uint64) {
		operate(t, operations[1], a, b, clock)
	})
}

type operation struct {
	merge func(...[]byte) ([]byte, error)
	diff  func([]byte, StateVector) ([]byte, error)
	state func([]byte) (StateVector, error)
	meta  func([]byte) (map[uint64]Clocks, error)
	apply func(*Doc, []byte) (bool, error)
}

var operations = []operation{
	{MergeUpdates, DiffUpdate, StateVectorFromUpdate, ParseUpdateMeta, (*Doc).ApplyUpdate},
	{MergeUpdatesV2, DiffUpdateV2, StateVectorFromUpdateV2, ParseUpdateMetaV2, (*Doc).ApplyUpdateV2},
}

func operate(t *testing.T, o operation, a, b []byte, clock uint64) {
	nothing, err := o.merge()
	if err != nil {
		t.Fatal(err)
	}
	_, errA := o.merge(a)
	_, errB := o.merge(b)
	var merged []byte
	affordable(t, slices.Concat(a, b), func() { merged, err = o.merge(a, b) })
	if valid := errors.Join(errA, errB); (err == nil) != (valid == nil) && !errors.Is(err, ErrTooDense) {
		t.Fatal(err, valid)
	}
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		return
	}
	// Of an item cut in two, only the first merge says that it belongs to a key.
	merged, err = o.merge(merged, nothing)
	if err != nil {
		t.Fatal(err)
	}
	again, err := o.merge(merged, nothing)
	if err != nil || !bytes.Equal(again, merged) {
		t.Fatalf("merged %x, again %x: %v", merged, again, err)
	}
	var sv StateVector
	var meta map[uint64]Clocks
	if sv, err = o.state(merged); err != nil {
		t.Fatal(err)
	}
	if meta, err = o.meta(merged); err != nil {
		t.Fatal(err)
	}
	for client, end := range sv {
		if meta[client].From != 0 || meta[client].To < end {
			t.Fatalf("client %d spans %v, known up to %d", client, meta[client], end)
		}
		sv[client] = clock & maxClock
	}
	var diff []byte
	affordable(t, merged, func() { diff, err = o.diff(merged, sv) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.apply(New(Options{}), diff); errors.Is(err, ErrMalformed) {
		t.Fatalf("diff %x of %x: %v", diff, merged, err)
	}
}
