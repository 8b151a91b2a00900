package crdt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/google/go-cmp/cmp"
)

// delivered is a way for a history's updates to arrive.
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
			ds = append(ds, delivered{name: "part merged, then shuffled", way: "part", v1: append([][]byte{h.MergedPart}, pick(h.Updates, h.Order)...)})
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
	if way == "" && !bytes.Equal(d.EncodeStateAsUpdate(nil), h.FullV1) || h.Ways != nil && way != "listed" {
		return oneWay(d, h.Ways, way, h.FullV1)
	}
	return oneOf(equals("full state", d.EncodeStateAsUpdate(nil), h.FullV1),
		equals("full state V2", d.EncodeStateAsUpdateV2(nil), h.FullV2))
}

// oneWay compares the state with that of Yjs by the same way. If Yjs did not go it, the
// state must be one of Yjs's by another way; or become one when it is loaded anew, as
// neighbours are then joined that Yjs too leaves apart by some ways.
func oneWay(d *Doc, ways map[string]hexBytes, way string, listed []byte) error {
	got := d.EncodeStateAsUpdate(nil)
	if want, ok := ways[way]; ok {
		return equals("full state", got, want)
	}
	again := New(Options{KeepDeleted: d.keepDeleted})
	if _, err := again.ApplyUpdate(got); err != nil {
		return err
	}
	loaded := again.EncodeStateAsUpdate(nil)
	for _, want := range append(slices.Collect(maps.Values(ways)), listed) {
		if len(want) > 0 && (bytes.Equal(got, want) || bytes.Equal(loaded, want)) {
			return nil
		}
	}
	return fmt.Errorf("full state %x is none of those of Yjs", got)
}

// checkDiff compares the state half-way, and the diff from there to d, the end. On about
// one history in a thousand Yjs keeps structs pending whose dependencies have arrived; this engine is then
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
			return fmt.Errorf("half-way: HasPending is true, in Yjs nothing is pending")
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
	if err := h.checkOperationsV2(sv); err != nil {
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

func (h *history) checkOperationsV2(sv StateVector) error {
	var all [][]byte
	for _, u := range h.UpdatesV2 {
		all = append(all, u)
	}
	merged, err := MergeUpdatesV2(all...)
	if err != nil {
		return err
	}
	diffed, err := DiffUpdateV2(h.MergedV2, sv)
	if err != nil {
		return err
	}
	mergedSV, err := StateVectorFromUpdateV2(h.MergedV2)
	if err != nil {
		return err
	}
	if len(h.MergedPart) > 0 {
		meta, err := ParseUpdateMeta(h.MergedPart)
		if err != nil {
			return err
		}
		got := map[uint64][2]uint64{}
		for client, clocks := range meta {
			got[client] = [2]uint64{clocks.From, clocks.To}
		}
		if diff := cmp.Diff(h.Meta, got); diff != "" {
			return fmt.Errorf("metadata (-Yjs +ours):\n%s", diff)
		}
	}
	return oneOf(equals("merged in V2", merged, h.MergedV2), equals("diff of the merge in V2", diffed, h.DiffedV2),
		equals("state vector of the merge in V2", mergedSV.Append(nil), h.MergedSV))
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
	if got := d.Text("text").String(); got != h.Expect.Text {
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
	if err := oneOf(reads("map", got.Map, h.Expect.Map), reads("array", got.Array, h.Expect.Array)); err != nil {
		return err
	}
	if h.UpdatesV2 == nil {
		return nil
	}
	xml, delta := d.XML("xml").String(), d.Text("text").Delta()
	if h.Expect.Odd == nil {
		return oneOf(reads("xml", xml, h.Expect.XML), readsAs("delta", delta, h.Expect.Delta))
	}
	return oneOf(reads("xml", xml, h.Expect.XML), readsAs("delta", delta, h.Expect.Delta),
		readsAs("map by its view", d.Map("map"), h.Expect.Map), readsAs("array by its view", d.Array("array"), h.Expect.Array),
		readsAs("odd", d.Array("odd"), h.Expect.Odd), readsAs("markup", d.Text("markup").Delta(), h.Expect.Markup))
}

func reads(what string, got, want any) error {
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("%s (-Yjs +ours):\n%s", what, diff)
	}
	return nil
}

// readsAs compares what a value is in JSON.
func readsAs(what string, value, want any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var got any
	if err := json.Unmarshal(b, &got); err != nil {
		return fmt.Errorf("%s: %w in %s", what, err, b)
	}
	if got == nil {
		got = []any{} // a delta of nothing
	}
	return reads(what, got, want)
}
