package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"weft/server/store"
)

type storeUnderTest = opened[store.Store]

// LoadAll reads all of a document, in small parts.
func LoadAll(ctx context.Context, s store.Store, room store.RoomID) (all store.Doc, err error) {
	for more := true; more; {
		var part store.Doc
		if part, more, err = s.LoadPart(ctx, room, all.Through, 200); err != nil {
			return store.Doc{}, err
		}
		if part.Snapshot != nil {
			all = store.Doc{Snapshot: part.Snapshot} // a snapshot holds the parts before it, too
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
	posted, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "m", Room: "nowhere", User: ann}, store.NoOutbox)
	must(t, err)
	if posted.Seq != 1 {
		t.Fatalf("the first message of a room has seq %d, want 1", posted.Seq)
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
			t.Fatalf("through was %d and is %d after an append, want it higher", through, now)
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

func documentCompact(t *testing.T, o *storeUnderTest) {
	for i := range 5 {
		appendTo(t, o, "a", fmt.Sprint("x", i), fmt.Sprint("y", i))
		appendTo(t, o, "b", fmt.Sprint(i))
		before := load(t, o, "a")
		snapshot := fmt.Sprint("snapshot ", i)
		must(t, o.S.Compact(t.Context(), "a", []byte(snapshot), before.Through))
		o.twice(func() {
			same(t, "compacted", load(t, o, "a"), store.Doc{Snapshot: []byte(snapshot), Through: before.Through})
		})
	}
	wantDoc(t, o, "b", "", "0", "1", "2", "3", "4")
	// The same records again: a snapshot may be replaced by another encoding.
	through := load(t, o, "a").Through
	must(t, o.S.Compact(t.Context(), "a", []byte("smaller"), through))
	o.twice(func() {
		same(t, "written anew", load(t, o, "a"), store.Doc{Snapshot: []byte("smaller"), Through: through})
	})
}

func documentCompactKeeps(t *testing.T, o *storeUnderTest) {
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

func documentCompactStale(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1")
	first := load(t, o, "a").Through
	appendTo(t, o, "a", "2")
	appendTo(t, o, "b", "other")
	second := load(t, o, "a").Through
	if err := o.S.Compact(t.Context(), "a", nil, second); err == nil {
		t.Fatal("an empty snapshot was accepted")
	}
	for room, through := range map[store.RoomID]store.LogID{"a": second + 1000, "b": first, "nowhere": second, "c": 0} {
		if err := o.S.Compact(t.Context(), room, []byte("s"), through); err == nil {
			t.Fatalf("room %q was compacted through record %d, which is not its own", room, through)
		}
	}
	must(t, o.S.Compact(t.Context(), "a", []byte("1+2"), second))
	must(t, o.S.Compact(t.Context(), "a", []byte("1"), first)) // an older compaction changes nothing
	o.twice(func() {
		wantDoc(t, o, "a", "1+2")
		wantDoc(t, o, "b", "", "other")
	})
}

func documentCompactIDs(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "a", "1", "2", "3")
	through := load(t, o, "a").Through
	must(t, o.S.Compact(t.Context(), "a", []byte("s"), through))
	o.reopen() // the log is empty now
	appendTo(t, o, "a", "4")
	o.twice(func() {
		wantDoc(t, o, "a", "s", "4")
		if doc := load(t, o, "a"); doc.Through <= through {
			t.Fatalf("record id %d after a compaction through %d, want a higher one", doc.Through, through)
		}
	})
}

func documentLongLogs(t *testing.T, o *storeUnderTest) {
	appendTo(t, o, "one", "1")
	appendTo(t, o, "three", "1", "2", "3")
	appendTo(t, o, "five", "1", "2", "3", "4", "5")
	appendTo(t, o, "compacted", "1", "2", "3", "4", "5", "6")
	must(t, o.S.Compact(t.Context(), "compacted", []byte("s"), load(t, o, "compacted").Through))
	appendTo(t, o, "compacted", "7", "8")
	appendTo(t, o, "bytes", "four", "and", "nine bytes")
	const any = math.MaxInt
	o.twice(func() {
		for min, want := range map[[2]int][]store.RoomID{
			{0, any}: {"bytes", "five", "three", "compacted", "one"},
			{1, any}: {"bytes", "five", "three", "compacted", "one"},
			{2, any}: {"bytes", "five", "three", "compacted"},
			{3, any}: {"bytes", "five", "three"},
			{5, any}: {"five"},
			{6, any}: {},
			{any, 1}: {"bytes", "five", "three", "compacted", "one"},
			{any, 4}: {"bytes", "five"},
			{5, 17}:  {"bytes", "five"},
			{6, 17}:  {"bytes"},
			{6, 18}:  {},
		} {
			same(t, fmt.Sprint("at least ", min), value(o.S.LongLogs(t.Context(), min[0], min[1]))(t), want)
		}
	})
	// A log is not long while it cost fewer bytes to write than its snapshot has.
	snapshot := make([]byte, store.WrittenBytes(2, 2*len("four")))
	must(t, o.S.Compact(t.Context(), "five", snapshot, load(t, o, "five").Through))
	for n, want := range [][]store.RoomID{{}, {}, {"five"}} {
		o.twice(func() {
			same(t, fmt.Sprint(4*n, " bytes"), value(o.S.LongLogs(t.Context(), any, 4))(t), append([]store.RoomID{"bytes"}, want...))
			same(t, fmt.Sprint(n, " records"), value(o.S.LongLogs(t.Context(), 1, 18))(t),
				slices.Concat([]store.RoomID{"bytes"}, want, []store.RoomID{"three", "compacted", "one"}))
		})
		appendTo(t, o, "five", "four")
	}
	// Compacting a part subtracts the part's bytes.
	part, _, err := o.S.LoadPart(t.Context(), "bytes", 0, 1)
	must(t, err)
	must(t, o.S.Compact(t.Context(), "bytes", []byte("4"), part.Through))
	o.twice(func() {
		for size, want := range map[int][]store.RoomID{13: {"bytes"}, 14: {}} {
			same(t, fmt.Sprint(size, " bytes"), value(o.S.LongLogs(t.Context(), any, size))(t), want)
		}
	})
}
