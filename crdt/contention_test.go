package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weft/crdt"
	"weft/crdt/lib0"
)

// The cost of many clients that insert at one place. If each insert passed all others, 20,000
// updates of a few bytes would block a document for minutes.

// maxCPUTime limits the CPU time of a hostile input: several times what it takes on an idle
// machine, and far below what quadratic work would take.
const maxCPUTime = 10 * time.Second

// crowd is how many clients insert at one place. hostileClients is how many do so with
// false origins, for which no index helps.
const crowd, hostileClients = 20_000, 2_000

// letters is the length of the text at the start, in units.
const letters = 1_000

// allowedWork is the work that n updates may take if each finds its place at once: a few
// steps each, and the scans until an index is built. If each passed all others, it would
// be n²/4 steps.
func allowedWork(n int) int { return 8*n + 20_000 }

// one returns an update of one struct.
func one(client, clock uint64, place []byte, content ...byte) []byte {
	u := lib0.AppendUvarint(lib0.AppendUvarint([]byte{1, 1}, client), clock)
	u = append(append(u, place...), content...)
	return append(u, 0)
}

func AppendID(dst []byte, client, clock uint64) []byte {
	return lib0.AppendUvarint(lib0.AppendUvarint(dst, client), clock)
}

// behind returns the place of a character behind one unit and, if right is given, before
// another.
func behind(client, clock uint64, right ...uint64) []byte {
	dst := AppendID([]byte{0x84}, client, clock)
	if len(right) == 2 {
		dst[0] |= 0x40
		dst = AppendID(dst, right[0], right[1])
	}
	return dst
}

// orders returns the orders in which n updates may arrive.
func orders(n int, rng *rand.Rand) map[string][]int {
	ascending := make([]int, n)
	for i := range ascending {
		ascending[i] = i
	}
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	inward := make([]int, 0, n)
	for i := range n / 2 {
		inward = append(inward, i, n-1-i)
	}
	if n%2 == 1 {
		inward = append(inward, n/2)
	}
	return map[string][]int{"ascending": ascending, "descending": descending, "at random": rng.Perm(n), "from both ends": inward}
}

// play applies base and then the updates in order, one by one or, if together, in one
// merged update. It returns the full state, and the work that the updates took.
func play(t *testing.T, name string, base []byte, updates [][]byte, order []int, together bool) (state []byte, work int) {
	t.Helper()
	d := crdt.New(crdt.Options{})
	if base != nil {
		if _, err := d.ApplyUpdate(base); err != nil {
			t.Fatal(err)
		}
	}
	var us [][]byte
	for _, i := range order {
		us = append(us, updates[i])
	}
	if together {
		merged, err := crdt.MergeUpdates(us...)
		if err != nil {
			t.Fatal(err)
		}
		us = [][]byte{merged}
	}
	start := busy()
	for i, u := range us {
		if busy()-start > maxCPUTime {
			t.Errorf("%s: %d updates took %v", name, i, busy()-start)
			return nil, 0
		}
		if _, err := d.ApplyUpdate(u); errors.Is(err, crdt.ErrTooCostly) && together {
			t.Logf("%s: %v", name, err)
			return nil, 0
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		work += d.Work()
	}
	if took := busy() - start; took > maxCPUTime {
		t.Errorf("%s: took %v of CPU time", name, took)
	} else {
		t.Logf("%s: %v, %d steps", name, took.Round(time.Millisecond), work)
	}
	if err := d.Check(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if d.HasPending() {
		t.Errorf("%s: HasPending is true at the end", name)
	}
	full := d.EncodeStateAsUpdate(nil)
	loaded := crdt.New(crdt.Options{})
	if _, err := loaded.ApplyStored(full); err != nil {
		t.Errorf("%s: the stored state cannot be loaded: %v", name, err)
	} else if !bytes.Equal(loaded.EncodeStateAsUpdate(nil), full) {
		t.Errorf("%s: the stored state loads as another document", name)
	}
	return full, work
}

// crowds are clients that insert without knowing of one another, by their origins. All of
// them insert into a text of client 1, "abcdefgh…".
var crowds = map[string]func(i int) []byte{
	"at the start of the list": func(int) []byte { return []byte{4, 1, 1, 't'} },
	"behind one unit":          func(int) []byte { return behind(1, 500) }, // client 1 typed on behind it
	"between two units":        func(int) []byte { return behind(1, 500, 1, 501) },
	"before one unit":          func(int) []byte { return append([]byte{0x44}, 1, 7) },
	"at two places in turns":   func(i int) []byte { return behind(1, uint64(100+400*(i%2))) },
}

// disorders are hostile clients of which no two have quite the same origins.
var disorders = map[string]func(i int) []byte{
	"behind one, before many":       func(i int) []byte { return behind(1, 5, 1, uint64(6+i%900)) },
	"before many":                   func(i int) []byte { return AppendID([]byte{0x44}, 1, uint64(i%900)) },
	"two right origins in turns":    func(i int) []byte { return behind(1, 500, 1, uint64(501+i%2)) },
	"nested and crossing":           func(i int) []byte { return behind(1, uint64(i%450), 1, uint64(999-i%450)) },
	"behind one, or before another": func(i int) []byte { return [][]byte{behind(1, 9), {0x44, 1, 10}}[i%2] },
	"behind many, before none":      func(i int) []byte { return behind(1, uint64(i%990)) },
}

// TestCrowdAtOnePlace checks that with tens of thousands of concurrent inserts at one
// place each takes only a few steps, in any order of arrival, and that the order does not
// change the result.
func TestCrowdAtOnePlace(t *testing.T) {
	for name, place := range crowds {
		playCrowd(t, name, crowd, place, allowedWork)
	}
}

// TestDisorderAtOnePlace checks that inserts with false origins are ordered consistently
// too, and in bounded time: at worst each one passes all others and all letters.
func TestDisorderAtOnePlace(t *testing.T) {
	for name, place := range disorders {
		playCrowd(t, name, hostileClients, place, func(n int) int { return 4 * n * (n + letters) })
	}
}

// playCrowd plays n writers in all orders.
func playCrowd(t *testing.T, name string, n int, place func(i int) []byte, allow func(n int) int) {
	base := lib0.AppendVarBytes([]byte{1, 1, 1, 0, 4, 1, 1, 't'}, bytes.Repeat([]byte("abcdefghij"), letters/10))
	base = append(base, 0)
	if crdt.Thin {
		n /= 10
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var updates [][]byte
	for i := range n {
		updates = append(updates, one(uint64(i+2), 0, place(i), 1, 'x'))
	}
	var want []byte
	for how, order := range orders(n, rng) {
		for _, together := range []bool{false, true} {
			if together && how != "at random" {
				continue // merged, the order is gone
			}
			got, work := play(t, fmt.Sprintf("%s, %s, together %v", name, how, together), base, updates, order, together)
			if want == nil {
				want = got
			}
			if got != nil && !bytes.Equal(got, want) {
				t.Errorf("%s, %s: another document", name, how)
			}
			if work > allow(n) {
				t.Errorf("%s, %s: %d updates took %d steps", name, how, n, work)
			}
		}
	}
}

// TestCrowdWithTails checks the same as TestCrowdAtOnePlace for writers who each type a
// word, one key at a time; the words must end up side by side.
func TestCrowdWithTails(t *testing.T) {
	const tail = 10
	n := crowd / tail
	if crdt.Thin {
		n /= 10
	}
	var updates [][]byte
	for i := range n {
		client := uint64(i + 2)
		updates = append(updates, one(client, 0, []byte{4, 1, 1, 't'}, 1, 'x'))
	}
	for k := uint64(1); k < tail; k++ {
		for i := range n {
			client := uint64(i + 2)
			updates = append(updates, one(client, k, behind(client, k-1), 1, 'y'))
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for k := 0; k < tail; k++ { // each letter at random, but after the one before
		some := updates[k*n : (k+1)*n]
		rng.Shuffle(n, func(i, j int) { some[i], some[j] = some[j], some[i] })
	}
	order := make([]int, len(updates))
	for i := range order {
		order[i] = i
	}
	one, work := play(t, "letter by letter", nil, updates, order, false)
	two, more := play(t, "together", nil, updates, order, true)
	if !bytes.Equal(one, two) {
		t.Error("another document")
	}
	if max(work, more) > allowedWork(len(updates)) {
		t.Errorf("%d updates took %d steps, together %d", len(updates), work, more)
	}
}

// TestCrowdAtOneKey checks that thousands of writes to one key of a map are cheap, by as
// many writers or by one, and that the winning value is that of Yjs: among concurrent
// writes, that of the highest client id.
func TestCrowdAtOneKey(t *testing.T) {
	n := crowd
	if crdt.Thin {
		n /= 10
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var apart, chain [][]byte
	for i := range n {
		client := uint64(i + 1)
		apart = append(apart, one(client, 0, []byte{0x28, 1, 1, 'm', 1, 'k'}, append([]byte{1, lib0.TagInteger}, lib0.AppendVarint(nil, false, uint64(i))...)...))
		place := []byte{0x28, 1, 1, 'm', 1, 'k'}
		if i > 0 {
			place = AppendID([]byte{0xa8}, uint64(1+(i-1)%3), uint64((i-1)/3))
		}
		chain = append(chain, one(uint64(1+i%3), uint64(i/3), place, append([]byte{1, lib0.TagInteger}, lib0.AppendVarint(nil, false, uint64(i))...)...))
	}
	for name, updates := range map[string][][]byte{"apart": apart, "in a chain": chain} {
		var want []byte
		for how, order := range orders(n, rng) {
			if name == "in a chain" && how != "ascending" {
				continue // each would be pending until the last: see TestReversedStream
			}
			got, work := play(t, name+", "+how, nil, updates, order, false)
			if want == nil {
				want = got
			}
			if work > allowedWork(n) {
				t.Errorf("%s, %s: %d updates took %d steps", name, how, n, work)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %s: another document", name, how)
			}
		}
		got, work := play(t, name+", together", nil, updates, orders(n, rng)["ascending"], true)
		if !bytes.Equal(got, want) || work > allowedWork(n) {
			t.Errorf("%s, together: another document, or %d steps", name, work)
		}
		d := crdt.New(crdt.Options{})
		if _, err := d.ApplyUpdate(want); err != nil {
			t.Fatal(err)
		}
		if b, err := d.JSON(); err != nil || string(b) != fmt.Sprintf(`{"m":{"k":%d}}`, n-1) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}

// TestDeepTypes checks that types nested 100,000 deep are applied, deleted and garbage
// collected without recursion: Go cannot recover from a stack overflow.
func TestDeepTypes(t *testing.T) {
	const depth = 100_000
	u := append(lib0.AppendUvarint([]byte{1}, depth), 1, 0, 7, 1, 1, 't', 0)
	for i := range uint64(depth - 1) {
		u = append(AppendID(append(u, 7, 0), 1, i), 0) // arrays
	}
	u = append(u, 0)
	for _, keep := range []bool{false, true} {
		d := crdt.New(crdt.Options{ClientID: 2, KeepDeleted: keep})
		start := busy()
		if _, err := d.ApplyUpdate(u); err != nil {
			t.Fatal(err)
		}
		if _, err := d.JSON(); !errors.Is(err, crdt.ErrTooDeep) {
			t.Errorf("JSON of it: %v", err)
		}
		for _, load := range []func(*crdt.Doc) error{
			func(l *crdt.Doc) error { _, err := l.ApplyUpdate(d.EncodeStateAsUpdate(nil)); return err },
			func(l *crdt.Doc) error { _, err := l.ApplyUpdateV2(d.EncodeStateAsUpdateV2(nil)); return err },
		} {
			if err := load(crdt.New(crdt.Options{})); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.ApplyUpdate([]byte{0, 1, 1, 1, 0, 1}); err != nil { // the outermost
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		if b, err := d.JSON(); err != nil || string(b) != `{"t":null}` {
			t.Errorf("%s, %v", b, err)
		}
		if took := busy() - start; took > maxCPUTime {
			t.Errorf("took %v", took)
		}
	}
}
