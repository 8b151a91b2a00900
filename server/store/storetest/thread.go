package storetest

import (
	"fmt"
	"testing"

	"weft/server/store"
)

func chatThreads(t *testing.T, o *storeUnderTest) {
	root := post(t, o, "room", "root")
	reply := func(id, to string, u store.User, n int) store.Message {
		t.Helper()
		m, _, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: "room", User: u, Thread: to, CreatedAt: at(n)}, store.NoOutbox)
		must(t, err)
		return m
	}
	same(t, "thread", reply("r1", "root", ann, 1).Thread, "root")
	same(t, "thread of a reply to a reply", reply("r2", "r1", ben, 2).Thread, "root")
	reply("r3", "r2", ann, 3)
	post(t, o, "room", "other")
	for i := range 3 {
		reply(fmt.Sprint("x", i), "root", store.User{ID: fmt.Sprint("u", i), Name: "U"}, 10+i)
	}
	_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "lost", Room: "room", User: ann, Thread: "m9", CreatedAt: at(9)}, store.NoOutbox)
	wantError(t, "a reply to an unknown message", err, store.ErrNoMessage)
	same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(8))

	people := func(ids ...string) (list []store.User) {
		for _, id := range ids {
			list = append(list, store.User{ID: id, Name: "U"})
		}
		return list
	}
	wantReplies := func(want *store.Replies) {
		t.Helper()
		same(t, "replies", value(o.S.Message(t.Context(), "room", "root"))(t).Replies, want)
	}
	ids := func(p store.MessagePage) (ids string) {
		t.Helper()
		for _, m := range value(o.S.Messages(t.Context(), "room", p))(t) {
			ids += m.ID + " "
		}
		return ids
	}
	o.twice(func() {
		wantReplies(&store.Replies{Count: 6, Last: at(12), People: people("u2", "u1", "u0")})
		same(t, "all replies", ids(store.MessagePage{Thread: "root"}), "r1 r2 r3 x0 x1 x2 ")
		same(t, "last two replies", ids(store.MessagePage{Thread: "root", Limit: 2}), "x1 x2 ")
		same(t, "first two replies", ids(store.MessagePage{Thread: "root", Limit: 2, After: -1}), "r1 r2 ")
		same(t, "two replies before seq 6", ids(store.MessagePage{Thread: "root", Limit: 2, Before: 6}), "r2 r3 ")
		same(t, "replies to a message without replies", ids(store.MessagePage{Thread: "other"}), "")
	})
	remove := func(id string) store.Message {
		t.Helper()
		m, _, err := o.S.DeleteMessage(t.Context(), "room", id, store.NoOutbox)
		must(t, err)
		return m
	}
	same(t, "thread of a deleted reply", remove("x2").Thread, "root")
	remove("x2")
	remove("x1")
	remove("x0")
	wantReplies(&store.Replies{Count: 3, Last: at(3), People: []store.User{ann, ben}})
	// A thread still takes replies after its first message was deleted, until its last
	// reply is deleted too.
	remove("root")
	same(t, "thread of a reply after the first message was deleted", reply("r4", "r3", ben, 20).Thread, "root")
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		remove(id)
	}
	wantReplies(nil)
	same(t, "rev has grown", value(o.S.Message(t.Context(), "room", "root"))(t).Rev > root.Rev, true)
	_, _, err = o.S.PostMessage(t.Context(), store.Message{ID: "late", Room: "room", User: ann, Thread: "root", CreatedAt: at(30)}, store.NoOutbox)
	wantError(t, "a reply to a deleted thread", err, store.ErrDeleted)
}
