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

// delivered is one way in which the updates of a history arrive at a document.
type delivered struct {
	name string
	way  string // key in history.Ways; empty: Yjs was not run this way
	v1   [][]byte
	v2   [][]byte // an element that is not nil replaces the one in v1
}

// deliveries returns the deliveries to test: those that the generator ran in Yjs, and random
// ones.
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
			ds = append(ds, delivered{name: "full state with deleted content", v1: [][]byte{h.KeptV1}})
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
			u = nil // ApplyUpdate will refuse it
		}
		if h.UpdatesV2 != nil && n == 1 && rng.IntN(3) == 0 {
			v2 = h.UpdatesV2[order[0]]
		}
		d.v1, d.v2 = append(d.v1, u), append(d.v2, v2)
		order = order[n:]
	}
	return d
}

// to applies the updates to the document and checks it.
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

// check compares the document with Yjs's after every delivery.
func (h *history) check() error {
	for _, delivery := range h.deliveries() {
		d := New(Options{})
		if err := delivery.to(d); err != nil {
			return fmt.Errorf("%s: %w", delivery.name, err)
		}
		if err := h.checkState(d, delivery.way); err != nil {
			return fmt.Errorf("%s: %w", delivery.name, err)
		}
		if delivery.name != "as listed" {
			continue
		}
		if err := h.checkExports(d); err != nil {
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

// oneOf returns the first error that is not nil.
func oneOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkState compares state vector, snapshot and full state with those of Yjs.
func (h *history) checkState(d *Doc, way string) error {
	if d.HasPending() {
		return fmt.Errorf("structs are pending after all updates were applied")
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

// oneWay compares the full state with that of Yjs after the same delivery. If the generator
// did not run this delivery, the state must equal that of Yjs after another one, directly
// or once it was loaded again: loading merges adjacent items, which some deliveries leave
// split, in Yjs too.
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
	return fmt.Errorf("full state %x equals none of the full states of Yjs", got)
}

// checkDiff compares the state after half of the updates, and the diff from there to d, the
// final document. On about one history in a thousand Yjs keeps structs pending whose
// dependencies have arrived. This engine then has more structs than Yjs, never fewer.
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

// checkOperations compares the functions that need no document: merge, diff, state vector
// and conversion.
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

// checkOperationsV2 does the same for updates in format V2, and compares ParseUpdateMeta.
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

// checkKept compares a document that keeps deleted content.
func (h *history) checkKept() error {
	deliveries := []delivered{{name: "as listed", way: "listed", v1: someUpdates(h)}, h.shuffled(9)}
	if len(h.KeptV1) > 0 {
		deliveries = append(deliveries, delivered{name: "full state", way: "loaded", v1: [][]byte{h.KeptV1}})
	}
	for _, delivery := range deliveries {
		d := New(Options{KeepDeleted: true})
		if err := delivery.to(d); err != nil {
			return fmt.Errorf("keeping deleted: %s: %w", delivery.name, err)
		}
		if h.KeptWays != nil && delivery.way != "listed" {
			if err := oneWay(d, h.KeptWays, delivery.way, h.KeptV1); err != nil {
				return fmt.Errorf("keeping deleted: %s: %w", delivery.name, err)
			}
			continue
		}
		snapshot := d.Snapshot()
		if err := oneOf(equals("full state", d.EncodeStateAsUpdate(nil), h.KeptV1),
			equals("full state V2", d.EncodeStateAsUpdateV2(nil), h.KeptV2),
			equals("snapshot", snapshot.Append(nil), h.KeptSnapshotV1),
			equals("snapshot V2", snapshot.AppendV2(nil), h.KeptSnapshotV2)); err != nil {
			return fmt.Errorf("keeping deleted: %s: %w", delivery.name, err)
		}
	}
	return nil
}

// checkExports compares the exports: text, JSON, XML and deltas.
func (h *history) checkExports(d *Doc) error {
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
	if err := oneOf(diffValue("map", got.Map, h.Expect.Map), diffValue("array", got.Array, h.Expect.Array)); err != nil {
		return err
	}
	if h.UpdatesV2 == nil {
		return nil
	}
	xml, delta := d.XML("xml").String(), d.Text("text").Delta()
	if h.Expect.Odd == nil {
		return oneOf(diffValue("xml", xml, h.Expect.XML), diffJSON("delta", delta, h.Expect.Delta))
	}
	return oneOf(diffValue("xml", xml, h.Expect.XML), diffJSON("delta", delta, h.Expect.Delta),
		diffJSON("map by its view", d.Map("map"), h.Expect.Map), diffJSON("array by its view", d.Array("array"), h.Expect.Array),
		diffJSON("odd", d.Array("odd"), h.Expect.Odd), diffJSON("markup", d.Text("markup").Delta(), h.Expect.Markup))
}

// diffValue compares a value with that of Yjs.
func diffValue(what string, got, want any) error {
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("%s (-Yjs +ours):\n%s", what, diff)
	}
	return nil
}

// diffJSON compares the JSON form of a value with that of Yjs.
func diffJSON(what string, value, want any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var got any
	if err := json.Unmarshal(b, &got); err != nil {
		return fmt.Errorf("%s: %w in %s", what, err, b)
	}
	if got == nil {
		got = []any{} // an empty delta
	}
	return diffValue(what, got, want)
}
