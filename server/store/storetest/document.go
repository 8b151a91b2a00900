package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

type storeUnderTest = opened[store.Store]

// LoadAll reads all of a document, in parts that are small.
func LoadAll(ctx context.Context, s store.Store, room store.RoomID) (all store.Doc, err error) {
	for more := true; more; {
		var part store.Doc
		if part, more, err = s.LoadPart(ctx, room, all.Through, 200); err != nil {
			return store.Doc{}, err
		}
		if part.Snapshot != nil {
			all = store.Doc{Snapshot: part.Snapshot} // with all that came before
		}
		all.Log, all.Through = append(all.Log, part.Log...), part.Through
	}
	return all, nil
}

func load(t *testing.T, o *storeUnderTest, room store.RoomID) store.Doc {
	t.Helper()
	return value(LoadAll(t.Context(), o.S, room))(t)
}

func appendTo(t *testing.T, o *storeUnderTest, room store.RoomID, data ...string) {
	t.Helper()
	var updates []store.Update
	for _, d := range data {
		updates = append(updates, store.Update{Room: room, Data: []byte(d)})
	}
	must(t, o.S.AppendUpdates(t.Context(), updates))
}

func wantDoc(t *testing.T, o *storeUnderTest, room store.RoomID, snapshot string, log ...string) {
	t.Helper()
	doc := load(t, o, room)
	var got []string
	for _, data := range doc.Log {
		got = append(got, string(data))
	}
	if string(doc.Snapshot) != snapshot || !slices.Equal(got, log) {
		t.Fatalf("room %q: snapshot %q and log %q, want %q and %q", room, doc.Snapshot, got, snapshot, log)
	}
}

func documentEmpty(t *testing.T, o *storeUnderTest) {
	o.twice(func() {
		same(t, "document", load(t, o, "nowhere"), store.Doc{})
		if rooms := value(o.S.LongLogs(t.Context(), 0, 0))(t); len(rooms) != 0 {
			t.Fatalf("long logs of an empty store: %v", rooms)
		}
	})
	must(t, o.S.AppendUpdates(t.Context(), nil))
	appendTo(t, o, "somewhere", "a")
	value0, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "m", Room: "nowhere", User: ann}, store.NoOutbox)
	must(t, err)
	if value0.Seq != 1 {
		t.Fatalf("seq %d", value0.Seq)
	}
	same(t, "document of a room with chat", load(t, o, "nowhere"), store.Doc{})
}

func documentOrder(t *testing.T, o *storeUnderTest) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := string(slices.Repeat(all, 4096)) // 1 MiB
	var updates []store.Update
	want := map[store.RoomID][]string{}
	for i := range 100 {
		room := store.RoomID(fmt.Sprintf("room/%d", i%3))
		data := fmt.Sprint(i)
		updates = append(updates, store.Update{Room: room, Data: []byte(data)})
		want[room] = append(want[room], data)
	}
	must(t, o.S.AppendUpdates(t.Context(), updates))
	through := load(t, o, "room/0").Through
	appendTo(t, o, "room/0", large, "last")
	want["room/0"] = append(want["room/0"], large, "last")
	o.twice(func() {
		for room, log := range want {
			wantDoc(t, o, room, "", log...)
		}
		if now := load(t, o, "room/0").Through; now <= through {
			t.Fatalf("through went from %d to %d with an append", through, now)
		}
	})
}

func documentAllOrNothing(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1")
	for _, bad := range []store.Update{{Room: "a"}, {Room: "", Data: []byte("x")}} {
		if err := o.S.AppendUpdates(t.Context(), []store.Update{{Room: "a", Data: []byte("2")}, {Room: "b", Data: []byte("2")}, bad}); err == nil {
			t.Fatal("an update without room or data was accepted")
		}
	}
	o.twice(func() {
		wantDoc(t, o, "a", "", "1")
		same(t, "room b", load(t, o, "b"), store.Doc{})
	})
}

func documentFold(t *testing.T, o *storeUnderTest) {
	for i := range 5 {
		appendTo(t, o, "a", fmt.Sprint("x", i), fmt.Sprint("y", i))
		appendTo(t, o, "b", fmt.Sprint(i))
		before := load(t, o, "a")
		snapshot := fmt.Sprint("snapshot ", i)
		must(t, o.S.Compact(t.Context(), "a", []byte(snapshot), before.Through))
		o.twice(func() {
			same(t, "folded", load(t, o, "a"), store.Doc{Snapshot: []byte(snapshot), Through: before.Through})
		})
	}
	wantDoc(t, o, "b", "", "0", "1", "2", "3", "4")
	// The same records once more: a snapshot may be written anew.
	through := load(t, o, "a").Through
	must(t, o.S.Compact(t.Context(), "a", []byte("smaller"), through))
	o.twice(func() {
		same(t, "written anew", load(t, o, "a"), store.Doc{Snapshot: []byte("smaller"), Through: through})
	})
}

func documentFoldKeeps(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1", "2")
	through := load(t, o, "a").Through
	appendTo(t, o, "a", "3")
	appendTo(t, o, "b", "other")
	appendTo(t, o, "a", "4")
	last := load(t, o, "a").Through
	must(t, o.S.Compact(t.Context(), "a", []byte("1+2"), through))
	o.twice(func() {
		wantDoc(t, o, "a", "1+2", "3", "4")
		wantDoc(t, o, "b", "", "other")
		same(t, "through", load(t, o, "a").Through, last)
	})
}

func documentFoldStale(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1")
	first := load(t, o, "a").Through
	appendTo(t, o, "a", "2")
	appendTo(t, o, "b", "other")
	second := load(t, o, "a").Through
	if err := o.S.Compact(t.Context(), "a", nil, second); err == nil {
		t.Fatal("folded into nothing")
	}
	for room, through := range map[store.RoomID]store.LogID{"a": second + 1000, "b": first, "nowhere": second, "c": 0} {
		if err := o.S.Compact(t.Context(), room, []byte("s"), through); err == nil {
			t.Fatalf("room %q folded through %d", room, through)
		}
	}
	must(t, o.S.Compact(t.Context(), "a", []byte("1+2"), second))
	must(t, o.S.Compact(t.Context(), "a", []byte("1"), first)) // comes late, changes nothing
	o.twice(func() {
		wantDoc(t, o, "a", "1+2")
		wantDoc(t, o, "b", "", "other")
	})
}

func documentFoldIDs(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1", "2", "3")
	through := load(t, o, "a").Through
	must(t, o.S.Compact(t.Context(), "a", []byte("s"), through))
	o.reopen() // the log is empty now
	appendTo(t, o, "a", "4")
	o.twice(func() {
		wantDoc(t, o, "a", "s", "4")
		if doc := load(t, o, "a"); doc.Through <= through {
			t.Fatalf("record %d after one folded through %d", doc.Through, through)
		}
	})
}

func documentLongLogs(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "one", "1")
	appendTo(t, o, "three", "1", "2", "3")
	appendTo(t, o, "five", "1", "2", "3", "4", "5")
	appendTo(t, o, "folded", "1", "2", "3", "4", "5", "6")
	must(t, o.S.Compact(t.Context(), "folded", []byte("s"), load(t, o, "folded").Through))
	appendTo(t, o, "folded", "7", "8")
	appendTo(t, o, "bytes", "four", "and", "nine bytes")
	const any = math.MaxInt
	o.twice(func() {
		for min, want := range map[[2]int][]store.RoomID{
			{0, any}: {"bytes", "five", "three", "folded", "one"},
			{1, any}: {"bytes", "five", "three", "folded", "one"},
			{2, any}: {"bytes", "five", "three", "folded"},
			{3, any}: {"bytes", "five", "three"},
			{5, any}: {"five"},
			{6, any}: {},
			{any, 1}: {"bytes", "five", "three", "folded", "one"},
			{any, 4}: {"bytes", "five"},
			{5, 17}:  {"bytes", "five"},
			{6, 17}:  {"bytes"},
			{6, 18}:  {},
		} {
			same(t, fmt.Sprint("at least ", min), value(o.S.LongLogs(t.Context(), min[0], min[1]))(t), want)
		}
	})
	// None is long that has less weight than its snapshot.
	snapshot := make([]byte, store.WrittenBytes(2, 2*len("four")))
	must(t, o.S.Compact(t.Context(), "five", snapshot, load(t, o, "five").Through))
	for n, want := range [][]store.RoomID{{}, {}, {"five"}} {
		o.twice(func() {
			same(t, fmt.Sprint(4*n, " bytes"), value(o.S.LongLogs(t.Context(), any, 4))(t), append([]store.RoomID{"bytes"}, want...))
			same(t, fmt.Sprint(n, " records"), value(o.S.LongLogs(t.Context(), 1, 18))(t),
				slices.Concat([]store.RoomID{"bytes"}, want, []store.RoomID{"three", "folded", "one"}))
		})
		appendTo(t, o, "five", "four")
	}
	// A fold of a part takes the part's bytes away.
	part, _, err := o.S.LoadPart(t.Context(), "bytes", 0, 1)
	must(t, err)
	must(t, o.S.Compact(t.Context(), "bytes", []byte("4"), part.Through))
	o.twice(func() {
		for size, want := range map[int][]store.RoomID{13: {"bytes"}, 14: {}} {
			same(t, fmt.Sprint(size, " bytes"), value(o.S.LongLogs(t.Context(), any, size))(t), want)
		}
	})
}

// documentParts folds a log part by part. Each part is bounded, and with the ones
// before it holds what was stored.
func documentParts(t *testing.T, o *storeUnderTest) {
	part, more, err := o.S.LoadPart(t.Context(), "nowhere", 0, 1<<20)
	must(t, err)
	same(t, "a room never written to", part, store.Doc{})
	same(t, "more of it", more, false)

	r := random(t)
	var records []string
	total := 0
	for range 300 {
		n := 1 + r.IntN(100)
		if r.IntN(10) == 0 {
			n *= 100
		}
		data := strings.Repeat(string(rune('a'+r.IntN(26))), n)
		records = append(records, data)
		total += n
	}
	appendTo(t, o, "a", records...)
	appendTo(t, o, "b", "other")
	const most = 1000
	for folded, parts := 0, 0; ; parts++ {
		part, more, err := o.S.LoadPart(t.Context(), "a", 0, most)
		must(t, err)
		if got, want := string(part.Snapshot), strings.Join(records[:folded], ""); got != want {
			t.Fatalf("part %d: %d bytes are folded, want %d", parts, len(got), len(want))
		}
		size := 0
		for i, data := range part.Log {
			if string(data) != records[folded+i] {
				t.Fatalf("part %d: record %d is another", parts, folded+i)
			}
			size += len(data)
		}
		if size > max(most, len(part.Snapshot)) && len(part.Log) > 1 || len(part.Log) == 0 {
			t.Fatalf("part %d: %d records of %d bytes after a snapshot of %d", parts, len(part.Log), size, len(part.Snapshot))
		}
		folded += len(part.Log)
		if more != (folded < len(records)) {
			t.Fatalf("part %d: %d of %d records, more: %v", parts, folded, len(records), more)
		}
		if !more {
			if parts < 3 || parts > total/most {
				t.Fatalf("%d bytes took %d parts", total, parts)
			}
			break
		}
		if parts == 1 { // meanwhile
			records = append(records, "late")
			appendTo(t, o, "a", "late")
		}
		must(t, o.S.Compact(t.Context(), "a", []byte(strings.Join(records[:folded], "")), part.Through))
		if parts%3 == 0 {
			o.reopen()
		}
	}
	wantText := strings.Join(records, "")
	o.twice(func() {
		doc := load(t, o, "a")
		if got := string(doc.Snapshot) + string(bytes.Join(doc.Log, nil)); got != wantText {
			t.Fatalf("%d bytes, want %d", len(got), len(wantText))
		}
		wantDoc(t, o, "b", "", "other")
	})
	// What is all folded has no records to come.
	must(t, o.S.Compact(t.Context(), "a", []byte("s"), load(t, o, "a").Through))
	through := load(t, o, "a").Through
	part, more, err = o.S.LoadPart(t.Context(), "a", 0, most)
	must(t, err)
	if string(part.Snapshot) != "s" || len(part.Log) > 0 || part.Through != through || more {
		t.Fatalf("%+v, more: %v", part, more)
	}
}

// documentPages reads documents part by part while others write to them and fold
// them. Each part is bounded, and together they are what was there, in order.
func documentPages(t *testing.T, o *storeUnderTest) {
	const most = 500
	r := random(t)
	var records []string
	write := func(n int) {
		for range n {
			data := fmt.Sprintf("%d%s;", len(records), strings.Repeat("x", r.IntN(200)))
			records = append(records, data)
			appendTo(t, o, "a", data)
		}
	}
	fold := func() {
		part, _, err := o.S.LoadPart(t.Context(), "a", 0, r.IntN(4*most))
		must(t, err)
		must(t, o.S.Compact(t.Context(), "a", slices.Concat(part.Snapshot, bytes.Join(part.Log, nil)), part.Through))
	}
	for round := range 20 {
		write(1 + r.IntN(30))
		if r.IntN(3) == 0 {
			fold()
		}
		atLeast := strings.Join(records, "")
		text, parts, snapshots := "", 0, 0
		var after store.LogID
		for more := true; more; parts++ {
			var part store.Doc
			var err error
			part, more, err = o.S.LoadPart(t.Context(), "a", after, most)
			must(t, err)
			if part.Snapshot != nil {
				if !strings.HasPrefix(string(part.Snapshot), text) {
					t.Fatalf("round %d, part %d: the snapshot of %d bytes has not what came before, %d bytes", round, parts, len(part.Snapshot), len(text))
				}
				text = string(part.Snapshot)
				snapshots++
			}
			log := string(bytes.Join(part.Log, nil))
			if len(log) > max(most, len(part.Snapshot)) && len(part.Log) > 1 || more && len(part.Log) == 0 {
				t.Fatalf("round %d, part %d: %d records of %d bytes", round, parts, len(part.Log), len(log))
			}
			if text += log; len(part.Log) > 0 && part.Through <= after {
				t.Fatalf("round %d, part %d: through %d after %d", round, parts, part.Through, after)
			}
			after = part.Through
			switch r.IntN(8) {
			case 0:
				fold()
			case 1:
				write(1 + r.IntN(3))
			case 2:
				o.reopen()
			}
		}
		if all := strings.Join(records, ""); !strings.HasPrefix(all, text) || len(text) < len(atLeast) {
			t.Fatalf("round %d: %d bytes in %d parts, want at least %d and at most %d", round, len(text), parts, len(atLeast), len(all))
		}
		if snapshots > 1 {
			t.Logf("round %d: a fold came between two parts", round)
		}
	}
	// Nothing comes after all there is, folded or not.
	all := load(t, o, "a")
	o.twice(func() {
		for range 2 {
			part, more, err := o.S.LoadPart(t.Context(), "a", all.Through, most)
			must(t, err)
			same(t, "what comes after all", part, store.Doc{Through: all.Through})
			same(t, "more of it", more, false)
			must(t, o.S.Compact(t.Context(), "a", []byte(strings.Join(records, "")), all.Through))
		}
	})
}

// documentCut has writers, folders and readers at one room. A record is its
// writer and that writer's count; a snapshot is the records one after another.
// So every load can be checked to hold all of each writer's records from the
// first to some last one, and no fewer than were acknowledged before it.
func documentCut(t *testing.T, o *storeUnderTest) {
	const writers, each = 4, 60
	var acked [writers]atomic.Uint32
	var writing sync.WaitGroup
	written := make(chan struct{})

	read := func() error {
		var atLeast [writers]uint32
		for w := range writers {
			atLeast[w] = acked[w].Load()
		}
		doc, err := LoadAll(t.Context(), o.S, "room")
		if err != nil {
			return err
		}
		var seen [writers]uint32
		for _, part := range append([][]byte{doc.Snapshot}, doc.Log...) {
			for ; len(part) > 0; part = part[8:] {
				w, n := binary.BigEndian.Uint32(part), binary.BigEndian.Uint32(part[4:])
				if seen[w]++; seen[w] != n {
					return fmt.Errorf("writer %d: record %d where %d belongs (through %d)", w, n, seen[w], doc.Through)
				}
			}
		}
		for w := range writers {
			if seen[w] < atLeast[w] {
				return fmt.Errorf("writer %d: %d records, %d were acknowledged before", w, seen[w], atLeast[w])
			}
		}
		return nil
	}
	fold := func(most int) error {
		doc, _, err := o.S.LoadPart(t.Context(), "room", 0, most)
		if err != nil || len(doc.Log) == 0 {
			return err
		}
		snapshot := slices.Concat(append([][]byte{doc.Snapshot}, doc.Log...)...)
		return o.S.Compact(t.Context(), "room", snapshot, doc.Through)
	}
	var g errgroup.Group
	for w := range writers {
		writing.Add(1)
		g.Go(func() error {
			defer writing.Done()
			for n := uint32(1); n <= each; n++ {
				data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), n)
				if err := o.S.AppendUpdates(t.Context(), []store.Update{{Room: "room", Data: data}}); err != nil {
					return err
				}
				acked[w].Store(n)
			}
			return nil
		})
	}
	all := func() error { return fold(math.MaxInt) }
	part := func() error { return fold(64) }
	for _, work := range []func() error{read, read, all, part} {
		g.Go(func() error {
			for {
				select {
				case <-written:
					return nil
				default:
					if err := work(); err != nil {
						return err
					}
				}
			}
		})
	}
	writing.Wait()
	close(written)
	must(t, g.Wait())
	o.twice(func() { must(t, read()) })
}
