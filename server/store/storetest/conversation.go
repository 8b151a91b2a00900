package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

func edit(t *testing.T, o *storeUnderTest, e store.Edit) store.Message {
	t.Helper()
	e.At = at(50)
	m, changed, err := o.S.EditMessage(t.Context(), "room", e, store.WithOutbox)
	must(t, err)
	if !changed {
		t.Fatalf("%q was not changed", e.ID)
	}
	return m
}

func touch(t *testing.T, o *storeUnderTest, room store.RoomID, u store.User, when time.Time) (before string) {
	t.Helper()
	return value(o.S.TouchMember(t.Context(), room, u, when))(t)
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

func chatEdits(t *testing.T, o *storeUnderTest) {
	post(t, o, "room", "m1")
	post(t, o, "room", "m2")
	when := at(50)
	want := value(o.S.Message(t.Context(), "room", "m1"))(t)
	want.Text, want.EditedAt, want.Version, want.Rev = "first", &when, 2, 3
	want.Mentions = []store.Mention{{User: "ben"}}
	got := edit(t, o, store.Edit{ID: "m1", By: ann, Text: "first", Mentions: want.Mentions, Version: 1})
	same(t, "edited", got, want)

	// The same text again is no change, whatever version its sender knows of.
	again, changed, err := o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "first", At: at(60), Version: 1}, store.WithOutbox)
	must(t, err)
	same(t, "edited again", again, want)
	same(t, "changed", changed, false)

	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "late", At: at(60), Version: 1}, store.WithOutbox)
	is(t, "an edit of an older version", err, store.ErrVersion)
	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m3", By: ann, Text: "late", At: at(60)}, store.WithOutbox)
	is(t, "an edit of nothing", err, store.ErrNoMessage)
	_, _, err = o.S.EditMessage(t.Context(), "elsewhere", store.Edit{ID: "m1", By: ann, Text: "late", At: at(60)}, store.WithOutbox)
	is(t, "an edit in another room", err, store.ErrNoMessage)

	// The outbox entry of an edit has only the mentions that are new.
	edit(t, o, store.Edit{ID: "m1", By: ben, Text: "second", Mentions: []store.Mention{{User: "cid"}, {User: "ben"}}})
	edit(t, o, store.Edit{ID: "m1", By: ben, Text: "third", Mentions: []store.Mention{{User: "cid"}}})
	o.twice(func() {
		facts := value(o.S.OutboxEntries(t.Context(), 10))(t)
		var got []string
		for _, f := range facts {
			got = append(got, fmt.Sprint(messageOf(t, f).Mentions))
		}
		same(t, "mentions in outbox entries", strings.Join(got, " "), "[{ben false}] [{cid false}]")
		m := value(o.S.Message(t.Context(), "room", "m1"))(t)
		same(t, "editor", m.EditedBy, &ben)
		same(t, "version", m.Version, int64(4))
		same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(2))
	})

	// Of many at once with the same version, one wins.
	var g errgroup.Group
	results := make([]error, 8)
	for i := range results {
		g.Go(func() error {
			_, _, results[i] = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m2", By: ann, Text: fmt.Sprint("by ", i), At: at(70), Version: 1}, store.NoOutbox)
			return nil
		})
	}
	must(t, g.Wait())
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			is(t, "the others", err, store.ErrVersion)
		}
	}
	same(t, "edits that won", won, 1)
}

func chatDelete(t *testing.T, o *storeUnderTest) {
	_, _, err := o.S.PostMessage(t.Context(), store.Message{
		ID: "m1", Room: "room", User: ann, Text: "secret", Quote: []byte(`{"text":"secret"}`), Mentions: []store.Mention{{User: "ben"}}, CreatedAt: at(1),
	}, store.NoOutbox)
	must(t, err)
	post(t, o, "room", "m2")
	_, _, err = o.S.React(t.Context(), "room", store.ReactionChange{ID: "m1", User: "ben", Emoji: "👍", On: true})
	must(t, err)
	want := store.Message{
		ID: "m1", Room: "room", Seq: 1, Rev: 4, Version: 2, User: ann, Deleted: true,
		Mentions: []store.Mention{}, Reactions: []store.Reaction{}, CreatedAt: at(1),
	}
	gone, changed, err := o.S.DeleteMessage(t.Context(), "room", "m1", store.NoOutbox)
	must(t, err)
	same(t, "changed", changed, true)
	same(t, "deleted", gone, want)
	o.twice(func() {
		gone, changed, err := o.S.DeleteMessage(t.Context(), "room", "m1", store.NoOutbox)
		must(t, err)
		same(t, "changed again", changed, false)
		same(t, "deleted again", gone, want)
		same(t, "read", value(o.S.Messages(t.Context(), "room", store.MessagePage{Limit: 1, After: -1}))(t), []store.Message{want})
		// Its id stays taken, and posting it again brings nothing back.
		again, created, err := o.S.PostMessage(t.Context(), store.Message{ID: "m1", Room: "room", User: ann, Text: "secret", CreatedAt: at(9)}, store.WithOutbox)
		must(t, err)
		same(t, "created", created, false)
		same(t, "posted again", again, want)
	})
	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "back", At: at(9)}, store.WithOutbox)
	is(t, "edit", err, store.ErrDeleted)
	_, _, err = o.S.React(t.Context(), "room", store.ReactionChange{ID: "m1", User: "ben", Emoji: "👍", On: true})
	is(t, "react", err, store.ErrDeleted)
	_, _, err = o.S.PostMessage(t.Context(), store.Message{ID: "m3", Room: "room", User: ann, Thread: "m1", CreatedAt: at(9)}, store.WithOutbox)
	is(t, "reply", err, store.ErrDeleted)
	_, _, err = o.S.DeleteMessage(t.Context(), "room", "m9", store.NoOutbox)
	is(t, "delete nothing", err, store.ErrNoMessage)
	same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(2))
}

func chatReactions(t *testing.T, o *storeUnderTest) {
	post(t, o, "room", "m1")
	put := func(user, emoji string, on bool) bool {
		t.Helper()
		_, changed, err := o.S.React(t.Context(), "room", store.ReactionChange{ID: "m1", User: user, Emoji: emoji, On: on})
		must(t, err)
		return changed
	}
	for i, step := range []struct {
		user, emoji string
		on, changes bool
	}{
		{"ann", "👍", true, true}, {"ben", "🎉", true, true}, {"ben", "👍", true, true}, {"ann", "👍", true, false},
		{"cid", "👍", false, false}, {"cid", "🧵", false, false}, {"cid", "🧵", true, true}, {"ben", "🎉", false, true}, {"ann", "👍", false, true},
	} {
		if got := put(step.user, step.emoji, step.on); got != step.changes {
			t.Fatalf("step %d: changed %v", i, got)
		}
	}
	want := []store.Reaction{{Emoji: "👍", Users: []string{"ben"}}, {Emoji: "🧵", Users: []string{"cid"}}}
	o.twice(func() {
		m := value(o.S.Message(t.Context(), "room", "m1"))(t)
		same(t, "reactions", m.Reactions, want)
		same(t, "version", m.Version, int64(1))
		same(t, "rev", m.Rev, store.Rev(7))
	})
	react := func(user, emoji string) error {
		_, _, err := o.S.React(t.Context(), "room", store.ReactionChange{ID: "m1", User: user, Emoji: emoji, On: true})
		return err
	}
	for i := range store.MaxEmoji - 2 {
		must(t, react("ann", fmt.Sprint("e", i)))
	}
	is(t, "one emoji too many", react("ann", "more"), store.ErrFull)
	for i := range store.MaxReactions - store.MaxEmoji {
		must(t, react(fmt.Sprint("user ", i), "e0"))
	}
	is(t, "one reaction too many", react("ann", "👍"), store.ErrFull)
	put("ann", "e0", false)
	must(t, react("ann", "👍"))
	is(t, "a reaction to nothing", func() error {
		_, _, err := o.S.React(t.Context(), "room", store.ReactionChange{ID: "m9", User: "ann", Emoji: "👍", On: true})
		return err
	}(), store.ErrNoMessage)
}

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
	is(t, "a reply to nothing", err, store.ErrNoMessage)
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
		same(t, "the thread", ids(store.MessagePage{Thread: "root"}), "r1 r2 r3 x0 x1 x2 ")
		same(t, "its end", ids(store.MessagePage{Thread: "root", Limit: 2}), "x1 x2 ")
		same(t, "from its start", ids(store.MessagePage{Thread: "root", Limit: 2, After: -1}), "r1 r2 ")
		same(t, "before a seq", ids(store.MessagePage{Thread: "root", Limit: 2, Before: 6}), "r2 r3 ")
		same(t, "no thread", ids(store.MessagePage{Thread: "other"}), "")
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
	// A thread goes on without its first message, and ends with its last reply.
	remove("root")
	same(t, "thread of a reply to what is deleted", reply("r4", "r3", ben, 20).Thread, "root")
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		remove(id)
	}
	wantReplies(nil)
	same(t, "rev", value(o.S.Message(t.Context(), "room", "root"))(t).Rev > root.Rev, true)
	_, _, err = o.S.PostMessage(t.Context(), store.Message{ID: "late", Room: "room", User: ann, Thread: "root", CreatedAt: at(30)}, store.NoOutbox)
	is(t, "a reply to a thread that has ended", err, store.ErrDeleted)
}

func chatChanges(t *testing.T, o *storeUnderTest) {
	for i := range 5 {
		post(t, o, "room", fmt.Sprint("m", i))
	}
	before := value(o.S.LastRev(t.Context(), "room"))(t)
	same(t, "rev", before, store.Rev(5))
	_, _, err := o.S.React(t.Context(), "room", store.ReactionChange{ID: "m3", User: "ben", Emoji: "👍", On: true})
	must(t, err)
	edit(t, o, store.Edit{ID: "m1", By: ann, Text: "new"})
	_, _, err = o.S.DeleteMessage(t.Context(), "room", "m3", store.NoOutbox)
	must(t, err)
	_, _, err = o.S.PostMessage(t.Context(), store.Message{ID: "m5", Room: "room", User: ann, Thread: "m0", CreatedAt: at(1)}, store.NoOutbox)
	must(t, err)
	list := func(after store.Rev, limit int) (got string) {
		t.Helper()
		last := after
		for _, m := range value(o.S.Changes(t.Context(), "room", after, limit))(t) {
			if m.Rev <= last {
				t.Fatalf("rev %d after %d", m.Rev, last)
			}
			last = m.Rev
			got += fmt.Sprintf("%s@%d ", m.ID, m.Rev)
		}
		return got
	}
	o.twice(func() {
		same(t, "changes", list(before, 0), "m1@7 m3@8 m5@9 m0@10 ")
		same(t, "some", list(before, 2), "m1@7 m3@8 ")
		same(t, "the rest", list(8, 2), "m5@9 m0@10 ")
		same(t, "all", list(0, 0), "m2@3 m4@5 m1@7 m3@8 m5@9 m0@10 ")
		same(t, "none", list(10, 0), "")
		same(t, "last rev", value(o.S.LastRev(t.Context(), "room"))(t), store.Rev(10))
		same(t, "last rev of an unknown room", value(o.S.LastRev(t.Context(), "nowhere"))(t), store.Rev(0))
	})
}

func chatRead(t *testing.T, o *storeUnderTest) {
	say := func(u store.User, id string, mentions ...store.Mention) {
		t.Helper()
		_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: "room", User: u, Text: id, Mentions: mentions, CreatedAt: at(1)}, store.NoOutbox)
		must(t, err)
	}
	unread := func(user string) store.Unread { t.Helper(); return value(o.S.Unread(t.Context(), "room", user))(t) }
	same(t, "an unknown room", unread("ben"), store.Unread{})
	say(ann, "m1")
	touch(t, o, "room", ben, at(2))
	same(t, "what was before is read", unread("ben"), store.Unread{Read: 1, LastSeq: 1})
	same(t, "a stranger has read nothing", unread("cid"), store.Unread{Count: 1, LastSeq: 1})
	say(ann, "m2", store.Mention{User: "ben"}, store.Mention{Room: true})
	say(ben, "m3", store.Mention{User: "ben"}, store.Mention{Room: true})
	say(ann, "m4", store.Mention{Room: true})
	say(ann, "m5")
	say(ann, "m6", store.Mention{User: "cid"})
	touch(t, o, "room", ben, at(3))
	o.twice(func() {
		same(t, "ben", unread("ben"), store.Unread{Read: 1, Count: 4, Mentions: 2, LastSeq: 6})
		same(t, "cid", unread("cid"), store.Unread{Count: 6, Mentions: 4, LastSeq: 6})
		same(t, "ann", unread("ann"), store.Unread{Count: 1, Mentions: 1, LastSeq: 6})
	})
	edit(t, o, store.Edit{ID: "m5", By: ann, Text: "hey", Mentions: []store.Mention{{User: "ben"}}})
	edit(t, o, store.Edit{ID: "m2", By: ann, Text: "never mind", Mentions: []store.Mention{{Room: true}}})
	same(t, "after edits", unread("ben"), store.Unread{Read: 1, Count: 4, Mentions: 3, LastSeq: 6})
	_, _, err := o.S.DeleteMessage(t.Context(), "room", "m4", store.NoOutbox)
	must(t, err)
	same(t, "after a deletion", unread("ben"), store.Unread{Read: 1, Count: 3, Mentions: 2, LastSeq: 6})

	mark := func(u store.User, seq store.Seq) store.Unread {
		t.Helper()
		return value(o.S.ReadUpTo(t.Context(), "room", u, seq, at(9)))(t)
	}
	same(t, "read", mark(ben, 4), store.Unread{Read: 4, Count: 2, Mentions: 1, LastSeq: 6})
	same(t, "no way back", mark(ben, 2), store.Unread{Read: 4, Count: 2, Mentions: 1, LastSeq: 6})
	o.twice(func() {
		same(t, "no further than there is", mark(ben, 99), store.Unread{Read: 6, LastSeq: 6})
		same(t, "a stranger", mark(store.User{ID: "dee", Name: "Dee"}, 5), store.Unread{Read: 5, Count: 1, LastSeq: 6})
	})
	say(ann, "m7")
	same(t, "something new", unread("ben"), store.Unread{Read: 6, Count: 1, LastSeq: 7})
	same(t, "an unknown room", value(o.S.ReadUpTo(t.Context(), "nowhere", ben, 3, at(9)))(t), store.Unread{})
	if list := value(o.S.Members(t.Context(), "room"))(t); len(list) != 2 || list[0].ID != "dee" {
		t.Fatalf("members %v", list)
	}
}

func chatRooms(t *testing.T, o *storeUnderTest) {
	for i, room := range []store.RoomID{"a", "class/1", "class/2", "empty", "theirs"} {
		if room != "empty" {
			post(t, o, room, "m1")
		}
		if room != "theirs" {
			touch(t, o, room, ben, at(i/2))
		}
	}
	_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "m2", Room: "class/1", User: ann, Mentions: []store.Mention{{User: "ben"}}, CreatedAt: at(77)}, store.NoOutbox)
	must(t, err)
	zero, late := at(0), at(77)
	want := []store.RoomUnread{
		{Room: "class/2", Unread: store.Unread{Read: 1, LastSeq: 1}, UpdatedAt: &zero},
		{Room: "empty"},
		{Room: "a", Unread: store.Unread{Read: 1, LastSeq: 1}, UpdatedAt: &zero},
		{Room: "class/1", Unread: store.Unread{Read: 1, Count: 1, Mentions: 1, LastSeq: 2}, UpdatedAt: &late},
	}
	list := func(p store.RoomPage) []store.RoomUnread {
		t.Helper()
		return value(o.S.RoomsOf(t.Context(), "ben", p))(t)
	}
	o.twice(func() {
		same(t, "rooms", list(store.RoomPage{}), want)
		same(t, "first", list(store.RoomPage{Limit: 1}), want[:1])
		same(t, "after", list(store.RoomPage{After: "class/2", Limit: 2}), want[1:3])
		same(t, "last", list(store.RoomPage{After: "class/1"}), want[4:])
		same(t, "after nothing", list(store.RoomPage{After: "theirs"}), want[4:])
		same(t, "prefix", list(store.RoomPage{Prefix: "class/", After: "empty"}), want[3:])
		same(t, "odd prefix", list(store.RoomPage{Prefix: "%"}), want[4:])
		same(t, "somebody else", value(o.S.RoomsOf(t.Context(), "cid", store.RoomPage{}))(t), want[4:])
	})
	// Many rooms, in pages.
	for i := range 120 {
		touch(t, o, store.RoomID(fmt.Sprint("r", i)), store.User{ID: "dee", Name: "Dee"}, at(0).Add(time.Duration(i%7)*time.Second))
	}
	seen := map[store.RoomID]bool{}
	for p := (store.RoomPage{Limit: 50}); ; {
		page := value(o.S.RoomsOf(t.Context(), "dee", p))(t)
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			seen[r.Room] = true
		}
		p.After = page[len(page)-1].Room
	}
	same(t, "rooms in pages", len(seen), 120)
}

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
