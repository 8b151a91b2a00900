package crdt_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"weft/crdt"
)

// One call may allocate allocPerByte * (bytes of its input + freeInput) bytes, garbage
// included.
const (
	allocPerByte = 64
	freeInput    = 16 << 10
)

// spent is the cost of a call: bytes of input, bytes allocated, CPU time.
type spent struct {
	input, allocated int
	took             time.Duration
	err              error
}

// rate returns the bytes allocated for each byte of input and of freeInput. It may be at
// most allocPerByte.
func (s spent) rate() float64 {
	return float64(s.allocated) / float64(s.input+freeInput)
}

// measure returns the cost of a call with so many bytes of input.
func measure(input int, call func() error) (s spent) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := busy()
	s.err = call()
	s.took = busy() - start
	runtime.ReadMemStats(&after)
	s.input, s.allocated = input, int(after.TotalAlloc-before.TotalAlloc)
	return s
}

// calls are the functions that take bytes from a peer.
var calls = []struct {
	name string
	call func(d *crdt.Doc, v1, v2 []byte) error
	v2   bool
}{
	{"ApplyUpdate", func(d *crdt.Doc, v1, _ []byte) error { _, err := d.ApplyUpdate(v1); return err }, false},
	{"ApplyUpdateV2", func(d *crdt.Doc, _, v2 []byte) error { _, err := d.ApplyUpdateV2(v2); return err }, true},
	{"ValidateUpdate", func(_ *crdt.Doc, v1, _ []byte) error { return crdt.ValidateUpdate(v1) }, false},
	{"MergeUpdates", func(_ *crdt.Doc, v1, _ []byte) error {
		_, err := crdt.MergeUpdates(v1[:len(v1):len(v1)], []byte{0, 0})
		return err
	}, false},
	{"DiffUpdate", func(_ *crdt.Doc, v1, _ []byte) error {
		_, err := crdt.DiffUpdate(v1, crdt.StateVector{1: 1})
		return err
	}, false},
	{"StateVectorFromUpdate", func(_ *crdt.Doc, v1, _ []byte) error {
		_, err := crdt.StateVectorFromUpdate(v1)
		return err
	}, false},
	{"ConvertUpdateV1ToV2", func(_ *crdt.Doc, v1, _ []byte) error {
		_, err := crdt.ConvertUpdateV1ToV2(v1)
		return err
	}, false},
	{"MergeUpdatesV2", func(_ *crdt.Doc, _, v2 []byte) error {
		_, err := crdt.MergeUpdatesV2(v2[:len(v2):len(v2)], emptyV2)
		return err
	}, true},
	{"DiffUpdateV2", func(_ *crdt.Doc, _, v2 []byte) error {
		_, err := crdt.DiffUpdateV2(v2, crdt.StateVector{1: 1})
		return err
	}, true},
	{"ParseUpdateMeta", func(_ *crdt.Doc, v1, _ []byte) error {
		_, err := crdt.ParseUpdateMeta(v1)
		return err
	}, false},
	{"ParseUpdateMetaV2", func(_ *crdt.Doc, _, v2 []byte) error {
		_, err := crdt.ParseUpdateMetaV2(v2)
		return err
	}, true},
	{"ConvertUpdateV2ToV1", func(_ *crdt.Doc, _, v2 []byte) error {
		_, err := crdt.ConvertUpdateV2ToV1(v2)
		return err
	}, true},
}

var emptyV2 = []byte{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}

// costs measures the calls with an update of the shape, or only one of them if only ≥ 0.
// broken is an error other than a high cost: a refused update changed the document, or the
// document fails Check.
func (s shape) costs(size int, only int) (costs []spent, broken error) {
	v1 := s.build(size)
	v2, err := crdt.ConvertUpdateV1ToV2(v1)
	if err != nil && !errors.Is(err, crdt.ErrMalformed) {
		return nil, err
	}
	base := bases[s.base].make()
	load := func() (*crdt.Doc, error) {
		d := crdt.New(crdt.Options{})
		for _, u := range base {
			if _, err := d.ApplyUpdate(u); err != nil {
				return nil, fmt.Errorf("base %s: %w", bases[s.base].name, err)
			}
		}
		return d, nil
	}
	for i, c := range calls {
		if only >= 0 && i != only || c.v2 && err != nil {
			costs = append(costs, spent{})
			continue
		}
		d, err := load()
		if err != nil {
			return nil, err
		}
		input := len(v1)
		if c.v2 {
			input = len(v2)
		}
		d.EncodeStateAsUpdate(nil) // fills the cache of the full state, which the call must invalidate
		cost := measure(input, func() error { return c.call(d, v1, v2) })
		costs = append(costs, cost)
		if err := d.Check(); err != nil {
			return costs, fmt.Errorf("%s: %w", c.name, err)
		}
		if cost.err == nil {
			continue
		}
		unchanged, err := load()
		if err != nil {
			return nil, err
		}
		if err := sameDocument(d, unchanged); err != nil {
			return costs, fmt.Errorf("%s refused (%w) and changed the document: %w", c.name, cost.err, err)
		}
	}
	return costs, nil
}

// sameDocument returns an error if two documents differ: in their exports and encodings, or
// in the result of one more update.
func sameDocument(a, b *crdt.Doc) error {
	probe := one(1<<52+12345, 0, []byte{4, 1, 1, 't'}, 1, 'x')
	for range 2 {
		x, y := a.EncodeStateAsUpdate(nil), b.EncodeStateAsUpdate(nil)
		x, y = append(x, a.EncodeStateAsUpdateV2(nil)...), append(y, b.EncodeStateAsUpdateV2(nil)...)
		x, y = append(x, a.EncodeStateVector()...), append(y, b.EncodeStateVector()...)
		x, y = a.Snapshot().Append(x), b.Snapshot().Append(y)
		for _, d := range []struct {
			doc *crdt.Doc
			to  *[]byte
		}{{a, &x}, {b, &y}} {
			text, err := d.doc.JSON()
			*d.to = fmt.Appendf(*d.to, "%s %v %v", text, err, d.doc.HasPending())
		}
		if !bytes.Equal(x, y) {
			return errors.New("the exports or encodings differ")
		}
		changedA, errA := a.ApplyUpdate(probe)
		changedB, errB := b.ApplyUpdate(probe)
		if changedA != changedB || (errA == nil) != (errB == nil) {
			return fmt.Errorf("one more update: changed %v, error %w; in the other document: changed %v, error %w", changedA, errA, changedB, errB)
		}
	}
	return errors.Join(a.Check(), b.Check())
}

// TestShapesStayCheap checks for many shapes of input that no call exceeds its limits of
// memory and time, and that a refused input leaves the document unchanged. The shapes are
// those in worst and some random ones with a fixed seed; TestWorstShapes searches for
// others.
func TestShapesStayCheap(t *testing.T) {
	size := 24_000
	if crdt.Thin {
		size /= 4
	}
	rng := rand.New(rand.NewPCG(1, 0))
	shapes := slices.Clone(worst)
	n := 15
	if crdt.Thin {
		n = 3
	}
	for range n {
		shapes = append(shapes, randomShape(rng))
	}
	for _, s := range shapes {
		costs, broken := s.costs(size, -1)
		if broken != nil {
			t.Errorf("%v: %v", s, broken)
		}
		for i, c := range costs {
			if !crdt.Thin && c.rate() > allocPerByte {
				t.Errorf("%s: allocates %d bytes for %d bytes of input, rate %.0f, limit %d: %v", calls[i].name, c.allocated, c.input, c.rate(), allocPerByte, s)
			}
			if c.took > maxCPUTime {
				t.Errorf("%s: takes %v for %d bytes of input, limit %v: %v", calls[i].name, c.took, c.input, maxCPUTime, s)
			}
		}
	}
}

// TestWorstShapes searches for the most expensive shapes of input for each call, and
// prints them. The environment variable WEFT_SEARCH is the duration of the search, such as
// 5m. Without it the test is skipped.
func TestWorstShapes(t *testing.T) {
	limit, err := time.ParseDuration(os.Getenv("WEFT_SEARCH"))
	if err != nil {
		t.Skip("WEFT_SEARCH is not set to a duration")
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	type found struct {
		shape shape
		spent spent
	}
	const size, keep = 40_000, 6
	best := make([][]found, len(calls))
	slowest := make([][]found, len(calls))
	until := time.Now().Add(limit)
	tried := 0
	for ; time.Now().Before(until); tried++ {
		s, only := randomShape(rng), -1
		if tried > 200 && rng.IntN(4) > 0 {
			only = rng.IntN(len(calls))
			pool := best
			if rng.IntN(3) == 0 {
				pool = slowest
			}
			if len(pool[only]) > 0 {
				s = pool[only][rng.IntN(len(pool[only]))].shape.mutate(rng)
			}
		}
		costs, broken := s.costs(size, only)
		if broken != nil {
			t.Errorf("%v: %v", s, broken)
		}
		for i, c := range costs {
			if c.input == 0 {
				continue
			}
			insert := func(pool []found, more func(a, b spent) int) []found {
				for j := range pool {
					if pool[j].shape.String() == s.String() {
						return pool
					}
				}
				pool = append(pool, found{s, c})
				slices.SortFunc(pool, func(a, b found) int { return more(b.spent, a.spent) })
				return pool[:min(len(pool), keep)]
			}
			best[i] = insert(best[i], func(a, b spent) int { return cmp.Compare(a.rate(), b.rate()) })
			slowest[i] = insert(slowest[i], func(a, b spent) int { return cmp.Compare(a.took, b.took) })
		}
	}
	for i, c := range calls {
		for _, f := range best[i] {
			t.Logf("%s: rate %.1f for %d bytes, %v: %v (%v)", c.name, f.spent.rate(), f.spent.input, f.spent.took.Round(time.Millisecond), f.shape, f.spent.err)
		}
		for _, f := range slowest[i] {
			t.Logf("%s: %v for %d bytes: %v (%v)", c.name, f.spent.took.Round(time.Millisecond), f.spent.input, f.shape, f.spent.err)
		}
	}
	t.Logf("%d shapes tried", tried)
}
