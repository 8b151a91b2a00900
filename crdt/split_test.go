package crdt

import (
	"bytes"
	"testing"
)

// TestSplitLaw checks that applying the parts of an update in order has the same effect
// as applying the whole, and that no part depends on a later one.
func TestSplitLaw(t *testing.T) {
	several := 0
	for _, h := range someHistories(t, 100) {
		whole := apply(t, someUpdates(&h)...)
		if whole.HasPending() {
			continue
		}
		state := whole.EncodeStateAsUpdate(nil)
		half := apply(t, h.Updates[0]).StateVector()
		for _, size := range []int{1, 20, 100, len(state)} {
			parts, err := SplitUpdate(state, size)
			if err != nil {
				t.Fatal(err)
			}
			d := New(Options{})
			for i, p := range parts {
				if _, err := d.ApplyUpdate(p); err != nil {
					t.Fatalf("seed %d, size %d, part %d: %v", h.Seed, size, i, err)
				}
				if d.HasPending() {
					t.Fatalf("seed %d, size %d: part %d of %d is pending", h.Seed, size, i, len(parts))
				}
			}
			if got := d.EncodeStateAsUpdate(nil); !bytes.Equal(got, state) {
				t.Errorf("seed %d, size %d: %x, want %x", h.Seed, size, got, state)
			}
			if len(parts) > 1 {
				several++
			}
		}
		// A diff, for a peer that has the state before it.
		d := apply(t, h.Updates[0])
		if d.HasPending() {
			continue
		}
		parts, err := SplitUpdate(whole.EncodeStateAsUpdate(half), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			if _, err := d.ApplyUpdate(p); err != nil || d.HasPending() {
				t.Fatalf("seed %d: a part of a difference: pending %v, %v", h.Seed, d.HasPending(), err)
			}
		}
		if got := d.EncodeStateAsUpdate(nil); !bytes.Equal(got, state) {
			t.Errorf("seed %d: after a difference %x, want %x", h.Seed, got, state)
		}
	}
	if several < 50 {
		t.Errorf("only %d updates were split", several)
	}
}

// TestUpdateWithGapsIsNotSplit checks that an update with gaps stays whole: its parts would
// be pending in any case.
func TestUpdateWithGapsIsNotSplit(t *testing.T) {
	d := New(Options{ClientID: 1})
	var us [][]byte
	for i := range 3 {
		u, err := d.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		us = append(us, u)
	}
	gap, err := MergeUpdates(us[0], us[2])
	if err != nil {
		t.Fatal(err)
	}
	parts, err := SplitUpdate(gap, 1)
	if err != nil || len(parts) != 1 || !bytes.Equal(parts[0], gap) {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	if _, err := SplitUpdate([]byte{1, 1, 1}, 1); err == nil {
		t.Error("a malformed update was split")
	}
}

func FuzzSplit(f *testing.F) {
	for _, h := range someHistories(f, 20) {
		f.Add([]byte(h.Merged), 10)
	}
	f.Fuzz(func(t *testing.T, update []byte, size int) {
		parts, err := SplitUpdate(update, size)
		if err != nil {
			return
		}
		for _, p := range parts {
			if err := ValidateUpdate(p); err != nil {
				t.Fatalf("a part is malformed: %v", err)
			}
		}
		a, b := New(Options{}), New(Options{})
		_, errA := a.ApplyUpdate(update)
		var errB error
		for _, p := range parts {
			if _, err := b.ApplyUpdate(p); err != nil {
				errB = err
			}
		}
		// Neighbours may be joined by one way and not by the other, until they are loaded anew.
		if errA == nil && errB == nil && !bytes.Equal(reloaded(t, a), reloaded(t, b)) {
			t.Fatalf("the parts make another document")
		}
	})
}

// reloaded is the full state of a document that was loaded from that of d.
func reloaded(t *testing.T, d *Doc) []byte {
	again := New(Options{})
	if _, err := again.ApplyStored(d.EncodeStateAsUpdate(nil)); err != nil {
		t.Fatal(err)
	}
	return again.EncodeStateAsUpdate(nil)
}
