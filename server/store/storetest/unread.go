package storetest

import (
	"fmt"
	"testing"
	"time"

	"weft/server/store"
)

// touch calls TouchMember and returns the name that was stored before.
func touch(t *testing.T, o *storeUnderTest, room store.RoomID, u store.User, when time.Time) (oldName string) {
	t.Helper()
	return value(o.S.TouchMember(t.Context(), room, u, when))(t)
}

func chatRead(t *testing.T, o *storeUnderTest) {
	say := func(u store.User, id string, mentions ...store.Mention) {
		t.Helper()
		_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: "room", User: u, Text: id, Mentions: mentions, CreatedAt: at(1)}, store.NoOutbox)
		must(t, err)
	}
	unread := func(user string) store.Unread { t.Helper(); return value(o.S.Unread(t.Context(), "room", user))(t) }
	same(t, "unread of an unknown room", unread("ben"), store.Unread{})
	say(ann, "m1")
	touch(t, o, "room", ben, at(2))
	same(t, "messages from before a member joined are read", unread("ben"), store.Unread{Read: 1, LastSeq: 1})
	same(t, "a person who is no member has read nothing", unread("cid"), store.Unread{Count: 1, LastSeq: 1})
	say(ann, "m2", store.Mention{User: "ben"}, store.Mention{Room: true})
	say(ben, "m3", store.Mention{User: "ben"}, store.Mention{Room: true})
	say(ann, "m4", store.Mention{Room: true})
	say(ann, "m5")
	say(ann, "m6", store.Mention{User: "cid"})
	touch(t, o, "room", ben, at(3))
	o.twice(func() {
		same(t, "unread of ben", unread("ben"), store.Unread{Read: 1, Count: 4, Mentions: 2, LastSeq: 6})
		same(t, "unread of cid", unread("cid"), store.Unread{Count: 6, Mentions: 4, LastSeq: 6})
		same(t, "unread of ann", unread("ann"), store.Unread{Count: 1, Mentions: 1, LastSeq: 6})
	})
	edit(t, o, store.Edit{ID: "m5", By: ann, Text: "hey", Mentions: []store.Mention{{User: "ben"}}})
	edit(t, o, store.Edit{ID: "m2", By: ann, Text: "never mind", Mentions: []store.Mention{{Room: true}}})
	same(t, "unread after edits", unread("ben"), store.Unread{Read: 1, Count: 4, Mentions: 3, LastSeq: 6})
	_, _, err := o.S.DeleteMessage(t.Context(), "room", "m4", store.NoOutbox)
	must(t, err)
	same(t, "unread after a deletion", unread("ben"), store.Unread{Read: 1, Count: 3, Mentions: 2, LastSeq: 6})

	mark := func(u store.User, seq store.Seq) store.Unread {
		t.Helper()
		return value(o.S.ReadUpTo(t.Context(), "room", u, seq, at(9)))(t)
	}
	same(t, "read up to 4", mark(ben, 4), store.Unread{Read: 4, Count: 2, Mentions: 1, LastSeq: 6})
	same(t, "read up to an earlier message", mark(ben, 2), store.Unread{Read: 4, Count: 2, Mentions: 1, LastSeq: 6})
	o.twice(func() {
		same(t, "read up to a message that does not exist", mark(ben, 99), store.Unread{Read: 6, LastSeq: 6})
		same(t, "read up to 5 by a new member", mark(store.User{ID: "dee", Name: "Dee"}, 5), store.Unread{Read: 5, Count: 1, LastSeq: 6})
	})
	say(ann, "m7")
	same(t, "unread after a new message", unread("ben"), store.Unread{Read: 6, Count: 1, LastSeq: 7})
	same(t, "read up to 3 in an unknown room", value(o.S.ReadUpTo(t.Context(), "nowhere", ben, 3, at(9)))(t), store.Unread{})
	if list := value(o.S.Members(t.Context(), "room"))(t); len(list) != 2 || list[0].ID != "dee" {
		t.Fatalf("members are %v, want 2, dee first", list)
	}
}

func chatRooms(t *testing.T, o *storeUnderTest) {
	for i, room := range []store.RoomID{"a", "class/1", "class/2", "empty", "other"} {
		if room != "empty" {
			post(t, o, room, "m1")
		}
		if room != "other" {
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
		same(t, "all rooms", list(store.RoomPage{}), want)
		same(t, "first room", list(store.RoomPage{Limit: 1}), want[:1])
		same(t, "two rooms after class/2", list(store.RoomPage{After: "class/2", Limit: 2}), want[1:3])
		same(t, "rooms after the last", list(store.RoomPage{After: "class/1"}), want[4:])
		same(t, "rooms after a room that ben is not in", list(store.RoomPage{After: "other"}), want[4:])
		same(t, "rooms with the prefix class/", list(store.RoomPage{Prefix: "class/", After: "empty"}), want[3:])
		same(t, "rooms with the prefix %", list(store.RoomPage{Prefix: "%"}), want[4:])
		same(t, "rooms of a person without rooms", value(o.S.RoomsOf(t.Context(), "cid", store.RoomPage{}))(t), want[4:])
	})
	// 120 rooms are read in pages of 50.
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
	same(t, "number of rooms in pages", len(seen), 120)
}
