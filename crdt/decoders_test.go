package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weft/crdt"
	"weft/crdt/lib0"
)

// TestDecodersStayCheap checks that the memory for decoding state vectors, positions,
// snapshots and other input from peers is bounded by the size of the input, as for
// updates.
func TestDecodersStayCheap(t *testing.T) {
	entries := func(n int, entry func(dst []byte, i uint64) []byte) (dst []byte) {
		dst = lib0.AppendUvarint(nil, uint64(n))
		for i := range uint64(n) {
			dst = entry(dst, i)
		}
		return dst
	}
	vector := entries(100_000, func(dst []byte, i uint64) []byte { return append(lib0.AppendUvarint(dst, i), 1) })
	twice := entries(100_000, func(dst []byte, i uint64) []byte { return append(dst, 5, 1) })
	ranges := entries(1, func(dst []byte, _ uint64) []byte {
		return append(append(dst, 9), entries(100_000, func(dst []byte, i uint64) []byte { return append(lib0.AppendUvarint(dst, 2*i), 1) })...)
	})
	rangesV2 := entries(1, func(dst []byte, _ uint64) []byte {
		return append(append(dst, 9), entries(100_000, func(dst []byte, _ uint64) []byte { return append(dst, 1, 0) })...)
	})
	deleters := entries(50_000, func(dst []byte, i uint64) []byte { return append(lib0.AppendUvarint(dst, i), 1, 0, 1) })
	snapshot := func(b []byte) error { _, err := crdt.DecodeSnapshot(b); return err }
	snapshotV2 := func(b []byte) error { _, err := crdt.DecodeSnapshotV2(b); return err }
	stateVector := func(b []byte) error { _, err := crdt.DecodeStateVector(b); return err }
	for name, c := range map[string]struct {
		bytes  []byte
		decode func(b []byte) error
		fails  bool
	}{
		"a vector of 100,000 clients":                {vector, stateVector, false},
		"a vector of one client, 100,000 times":      {twice, stateVector, false},
		"a vector that claims 2^53 clients":          {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1}, stateVector, true},
		"a snapshot of 100,000 ranges":               {append(bytes.Clone(ranges), 0), snapshot, false},
		"a snapshot of 50,000 clients":               {append(bytes.Clone(deleters), vector...), snapshot, false},
		"a snapshot that claims 2^53 ranges":         {[]byte{1, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1}, snapshot, true},
		"a snapshot V2 of 100,000 ranges":            {append(bytes.Clone(rangesV2), 0), snapshotV2, false},
		"a snapshot V2 that claims 2^53 ranges":      {[]byte{1, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1}, snapshotV2, true},
		"a position with a name of 100,000 letters":  {append(lib0.AppendVarString([]byte{1}, strings.Repeat("n", 100_000)), 0), position, false},
		"a position in JSON, 10,000 brackets deep":   {[]byte(strings.Repeat(`{"item":`, 10_000)), position, true},
		"a position in JSON with 50,000 odd members": {[]byte(`{"assoc":0,` + strings.Repeat(`"x":0,`, 50_000) + `"tname":"t"}`), position, false},
	} {
		cost := measure(len(c.bytes), func() error { return c.decode(c.bytes) })
		t.Logf("%s: %d bytes, rate %.1f, %v", name, cost.input, cost.rate(), cost.err)
		if (cost.err != nil) != c.fails || cost.err != nil && !errors.Is(cost.err, crdt.ErrMalformed) {
			t.Errorf("%s: %v", name, cost.err)
		}
		if !crdt.Thin && cost.rate() > 64 || cost.took > maxCPUTime {
			t.Errorf("%s: rate %.1f, %v", name, cost.rate(), cost.took)
		}
	}
}

func position(b []byte) error {
	if _, err := crdt.DecodePosition(b); err == nil {
		return nil
	}
	var p crdt.Position
	return p.UnmarshalJSON(b)
}

// TestPaddedIntegers checks that integers in a longer form than necessary, which lib0
// decodes but never writes, have the same meaning, up to ten bytes. Longer ones are
// refused, so that the cost of one integer is bounded.
func TestPaddedIntegers(t *testing.T) {
	pad := func(v byte, n int) []byte {
		return append(append([]byte{v | 0x80}, bytes.Repeat([]byte{0x80}, n-2)...), 0)
	}
	plain := []byte{1, 2, 1, 0, 4, 1, 1, 't', 2, 'a', 'b', 0x84, 1, 1, 1, 'c', 1, 1, 1, 1, 1}
	integers := []int{0, 1, 2, 3, 5, 6, 8, 12, 13, 14, 16, 17, 18, 19, 20} // where plain has one
	for _, n := range []int{2, 8, 9, 10, 11, 100} {
		for _, at := range integers {
			u := append(append(bytes.Clone(plain[:at]), pad(plain[at], n)...), plain[at+1:]...)
			d := crdt.New(crdt.Options{})
			_, err := d.ApplyUpdate(u)
			if n > 10 {
				if !errors.Is(err, crdt.ErrMalformed) {
					t.Errorf("%d bytes for the integer at %d: %v", n, at, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(d.EncodeStateAsUpdate(nil), state(t, plain)) {
				t.Errorf("%d bytes for the integer at %d: %v, %x", n, at, err, d.EncodeStateAsUpdate(nil))
			}
		}
	}
}

func state(t *testing.T, update []byte) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{})
	if _, err := d.ApplyUpdate(update); err != nil {
		t.Fatal(err)
	}
	return d.EncodeStateAsUpdate(nil)
}

// TestPendingFlood checks that thousands of updates that stay pending for ever each cost
// no more than the first ones, and that meanwhile other updates do not cost more than
// before. Yjs takes 15 seconds for 3,000.
func TestPendingFlood(t *testing.T) {
	n := uint64(4_000)
	if crdt.Thin {
		n /= 10
	}
	for name, waits := range map[string]func(i uint64) []byte{
		"a client each":              func(i uint64) []byte { return one(i+10, 5, []byte{4, 1, 1, 't'}, 1, 'x') },
		"one client, gaps":           func(i uint64) []byte { return one(10, 2*i+1, []byte{4, 1, 1, 't'}, 1, 'x') },
		"one client, gaps backwards": func(i uint64) []byte { return one(10, 40_000-2*i, []byte{4, 1, 1, 't'}, 1, 'x') },
		"behind what is unknown":     func(i uint64) []byte { return one(i+10, 0, behind(5, i), 1, 'x') },
		"in a chain that never begins": func(i uint64) []byte {
			return one(i+10, 0, behind(i+9, 0), 1, 'x')
		},
		"deletes of what is unknown": func(i uint64) []byte {
			return append(lib0.AppendUvarint([]byte{0, 1, 5, 1}, 2*i), 1)
		},
	} {
		d := crdt.New(crdt.Options{})
		start := busy()
		cost := measure(0, func() error {
			for i := range n {
				if busy()-start > maxCPUTime {
					return fmt.Errorf("%d updates took too long", i)
				}
				if _, err := d.ApplyUpdate(waits(i)); err != nil {
					return fmt.Errorf("update %d: %w", i, err)
				}
				if _, err := d.ApplyUpdate(one(2, i, []byte{4, 1, 1, 'u'}, 1, 'y')); err != nil {
					return fmt.Errorf("update %d: %w", i, err)
				}
			}
			return nil
		})
		t.Logf("%s: %v, %d bytes allocated for each", name, cost.took, cost.allocated/int(2*n))
		if cost.err != nil || !d.HasPending() || d.Length("u") != int(n) {
			t.Errorf("%s: %v, pending %v, %d taken", name, cost.err, d.HasPending(), d.Length("u"))
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
