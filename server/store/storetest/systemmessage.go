package storetest

import (
	"fmt"
	"testing"
	"time"

	"weft/server/store"
)

func chatSystemMessages(t *testing.T, o *storeUnderTest) {
	add := func(l store.SystemMessage) (store.SystemMessage, bool) {
		t.Helper()
		stored, added, err := o.S.AddSystemMessage(t.Context(), "room", l)
		must(t, err)
		return stored, added
	}
	joined := func(u store.User, n int) store.SystemMessage {
		return store.SystemMessage{Kind: store.SystemJoined, User: u, At: at(n)}
	}
	if _, added := add(joined(ann, 1)); added {
		t.Fatal("a system message was added in a room that does not exist")
	}
	same(t, "the old name", touch(t, o, "room", ann, at(1)), "")
	first, _ := add(joined(ann, 1))
	same(t, "first", first, store.SystemMessage{N: 1, Kind: store.SystemJoined, User: ann, At: at(1)})
	post(t, o, "room", "m1")
	ana := store.User{ID: "ann", Name: "Ana"}
	same(t, "the old name", touch(t, o, "room", ana, at(2)), "Ann")
	same(t, "the old name", touch(t, o, "room", ana, at(3)), "Ana")
	renamed := store.SystemMessage{Kind: store.SystemRenamed, User: ana, OldName: "Ann", At: at(2)}
	second, _ := add(renamed)
	want := []store.SystemMessage{first, {N: 2, Kind: store.SystemRenamed, User: ana, OldName: "Ann", After: 1, At: at(2)}}
	same(t, "second", second, want[1])
	renamed.At = at(2).Add(store.RenameQuiet - time.Second)
	if _, added := add(renamed); added {
		t.Fatal("a second change of name within RenameQuiet was added")
	}
	o.twice(func() {
		same(t, "system messages", value(o.S.SystemMessages(t.Context(), "room"))(t), want)
		same(t, "system messages of another room", value(o.S.SystemMessages(t.Context(), "elsewhere"))(t), []store.SystemMessage{})
		same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(1))
		same(t, "last rev", value(o.S.LastRev(t.Context(), "room"))(t), store.Rev(1))
	})
	for i := range store.MaxSystemMessages {
		renamed.At = renamed.At.Add(store.RenameQuiet)
		if _, added := add(renamed); !added {
			t.Fatalf("change %d of a name was not added", i)
		}
	}
	for i := range store.MaxSystemMessages - 1 {
		touch(t, o, "room", store.User{ID: fmt.Sprint("user ", i), Name: "U"}, at(9))
	}
	if _, added := add(joined(ben, 9)); !added {
		t.Fatal("the joining of the 100th member was not added")
	}
	touch(t, o, "room", ben, at(9))
	if _, added := add(joined(ben, 9)); added {
		t.Fatal("the joining of a member beyond MaxSystemMessages was added")
	}
	o.twice(func() {
		lines := value(o.S.SystemMessages(t.Context(), "room"))(t)
		if len(lines) != store.MaxSystemMessages || lines[0].N != 4 || lines[store.MaxSystemMessages-1].N != store.MaxSystemMessages+3 {
			t.Fatalf("%d system messages, from %+v to %+v", len(lines), lines[0], lines[len(lines)-1])
		}
	})
}
