package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

var (
	ann = store.User{ID: "ann", Name: "Ann"}
	ben = store.User{ID: "ben", Name: "Ben Älter"}
)

// post posts a new message of ann and returns it as stored.
func post(t *testing.T, o *storeUnderTest, room store.RoomID, id string) store.Message {
	t.Helper()
	m, created, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: room, User: ann, Text: "text of " + id, CreatedAt: at(0)}, store.NoOutbox)
	must(t, err)
	if !created {
		t.Fatalf("PostMessage of the new id %q: created is false", id)
	}
	return m
}

func chatGapless(t *testing.T, o *storeUnderTest) {
	const posters, each = 16, 12
	var g errgroup.Group
	for p := range posters {
		g.Go(func() error {
			last := map[store.RoomID]store.Seq{}
			for n := range each {
				room := store.RoomID(fmt.Sprintf("room %d", n%2))
				m, created, err := o.S.PostMessage(t.Context(), store.Message{ID: fmt.Sprintf("%d-%d", p, n), Room: room, User: ann, CreatedAt: at(n)}, store.WithOutbox)
				if err != nil || !created {
					return fmt.Errorf("PostMessage: created %v, want true: %w", created, err)
				}
				if m.Seq <= last[room] {
					return fmt.Errorf("a post got seq %d after seq %d, want ascending seqs", m.Seq, last[room])
				}
				last[room] = m.Seq
			}
			return nil
		})
	}
	must(t, g.Wait())
	o.twice(func() {
		for _, room := range []store.RoomID{"room 0", "room 1"} {
			list := value(o.S.Messages(t.Context(), room, store.MessagePage{Limit: 200}))(t)
			if len(list) != posters*each/2 {
				t.Fatalf("%s has %d messages, want %d", room, len(list), posters*each/2)
			}
			for i, m := range list {
				if m.Seq != store.Seq(i+1) || m.Room != room {
					t.Fatalf("message %d has seq %d in room %q, want seq %d in room %q", i, m.Seq, m.Room, i+1, room)
				}
			}
			same(t, "last seq", value(o.S.LastSeq(t.Context(), room))(t), store.Seq(posters*each/2))
		}
	})
}

func chatIdempotent(t *testing.T, o *storeUnderTest) {
	first := post(t, o, "room", "m1")
	post(t, o, "room", "m2")
	o.twice(func() {
		again, created, err := o.S.PostMessage(t.Context(), store.Message{ID: "m1", Room: "room", User: ann, Text: "another text", CreatedAt: at(9), Seq: 77}, store.WithOutbox)
		must(t, err)
		if created {
			t.Fatal("posting the same id again created a second message")
		}
		same(t, "message", again, first)
		same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(2))
		if f := value(o.S.OutboxEntries(t.Context(), 10))(t); len(f) != 0 {
			t.Fatalf("a message posted again left %d outbox entries", len(f))
		}
	})

	// Concurrent posts with the same id create one message.
	var g errgroup.Group
	created := make([]bool, 16)
	for i := range created {
		g.Go(func() (err error) {
			_, created[i], err = o.S.PostMessage(t.Context(), store.Message{ID: "race", Room: "room", User: ann, CreatedAt: at(0)}, store.NoOutbox)
			return err
		})
	}
	must(t, g.Wait())
	if n := len(slices.DeleteFunc(created, func(c bool) bool { return !c })); n != 1 {
		t.Fatalf("created is true for %d of 16 posts of one id, want 1", n)
	}
	same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(3))
}

func chatConflict(t *testing.T, o *storeUnderTest) {
	post(t, o, "room", "m1")
	_, created, err := o.S.PostMessage(t.Context(), store.Message{ID: "m1", Room: "room", User: ben, CreatedAt: at(0)}, store.WithOutbox)
	if !errors.Is(err, store.ErrConflict) || created {
		t.Fatalf("created %v, error %v; want ErrConflict", created, err)
	}
	// In another room the id is not in use.
	if m := post(t, o, "elsewhere", "m1"); m.Seq != 1 {
		t.Fatalf("seq in another room is %d, want 1", m.Seq)
	}
	if m := post(t, o, "room", "m2"); m.Seq != 2 {
		t.Fatalf("seq %d after a refused message, want 2", m.Seq)
	}
	for _, id := range []string{"", string(make([]byte, 65))} {
		if _, _, err := o.S.PostMessage(t.Context(), store.Message{ID: id, Room: "room", User: ann, CreatedAt: at(0)}, store.NoOutbox); err == nil {
			t.Fatalf("id %q was accepted", id)
		}
	}
}

func chatFidelity(t *testing.T, o *storeUnderTest) {
	edited := at(3).Add(300 * time.Microsecond).In(time.FixedZone("east", 3600))
	root, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "m🪡", Room: "a/b/ü", User: ann, CreatedAt: at(1)}, store.NoOutbox)
	must(t, err)
	given := store.Message{
		ID: "m🧵", Room: "a/b/ü", Seq: 900, Rev: 800, Version: 700, User: ben,
		Text:      "line\n\ttab 'quote\" \\ 🧶 @ann ünïcode\u2028",
		Thread:    root.ID,
		Quote:     json.RawMessage(`{"text": "said", "n": [1, 2.50]}`),
		Mentions:  []store.Mention{{User: "ann"}, {Room: true}},
		Reactions: []store.Reaction{{Emoji: "🧶", Users: []string{"ann"}}},
		Replies:   &store.Replies{Count: 3},
		CreatedAt: at(2).Add(999 * time.Microsecond).In(time.FixedZone("west", -3600)),
		EditedAt:  &edited, EditedBy: &ann, Deleted: true,
	}
	want := given
	want.Seq, want.Rev, want.Version, want.CreatedAt = 2, 2, 1, at(2)
	want.Reactions, want.Replies, want.EditedAt, want.EditedBy, want.Deleted = []store.Reaction{}, nil, nil, nil, false
	stored, created, err := o.S.PostMessage(t.Context(), given, store.NoOutbox)
	must(t, err)
	if !created {
		t.Fatal("PostMessage of a new message: created is false")
	}
	same(t, "stored", stored, want)
	root.Rev, root.Replies = 3, &store.Replies{Count: 1, Last: at(2), People: []store.User{ben}}

	plain := store.Message{ID: "m2", Room: "a/b/ü", User: ann, CreatedAt: at(4)}
	stored2, _, err := o.S.PostMessage(t.Context(), plain, store.NoOutbox)
	must(t, err)
	plain.Seq, plain.Rev, plain.Version, plain.Mentions, plain.Reactions = 3, 4, 1, []store.Mention{}, []store.Reaction{}
	same(t, "stored", stored2, plain)
	o.twice(func() {
		same(t, "read", value(o.S.Messages(t.Context(), "a/b/ü", store.MessagePage{}))(t), []store.Message{root, want, plain})
		same(t, "read alone", value(o.S.Message(t.Context(), "a/b/ü", want.ID))(t), want)
	})

	// An import keeps all fields except those that the room decides: Room, Seq, Rev and
	// Replies.
	for _, m := range []store.Message{given, {ID: "alone", Room: "other", User: ann, Thread: "never seen", CreatedAt: at(9)}} {
		m.Room = "other"
		if created := value(o.S.ImportMessage(t.Context(), m))(t); !created {
			t.Fatal("ImportMessage of a new message: created is false")
		}
		if created := value(o.S.ImportMessage(t.Context(), m))(t); created {
			t.Fatal("importing the same message again created a second one")
		}
	}
	moved := given
	movedAt := at(3)
	moved.Room, moved.Seq, moved.Rev, moved.Replies, moved.CreatedAt, moved.EditedAt = "other", 1, 1, nil, at(2), &movedAt
	o.twice(func() {
		list := value(o.S.Messages(t.Context(), "other", store.MessagePage{}))(t)
		same(t, "imported", list[0], moved)
		same(t, "thread", list[1].Thread, "never seen")
	})
}

func chatPages(t *testing.T, o *storeUnderTest) {
	const n = 205
	var g errgroup.Group
	g.SetLimit(16)
	for i := range n {
		g.Go(func() error {
			_, _, err := o.S.PostMessage(t.Context(), store.Message{ID: fmt.Sprint(i), Room: "room", User: ann, CreatedAt: at(i)}, store.NoOutbox)
			return err
		})
	}
	must(t, g.Wait())
	for _, c := range []struct {
		page     store.MessagePage
		from, to store.Seq // both included; from > to: none
	}{
		{store.MessagePage{}, 156, 205},
		{store.MessagePage{Limit: 10}, 196, 205},
		{store.MessagePage{Limit: 1000}, 6, 205},
		{store.MessagePage{Before: 101, Limit: 10}, 91, 100},
		{store.MessagePage{Before: 101}, 51, 100},
		{store.MessagePage{Before: 5, Limit: 10}, 1, 4},
		{store.MessagePage{Before: 2}, 1, 1},
		{store.MessagePage{Before: 1}, 1, 0},
		{store.MessagePage{Before: 9999, Limit: 1}, 205, 205},
		{store.MessagePage{After: 100, Limit: 10}, 101, 110},
		{store.MessagePage{After: 1}, 2, 51},
		{store.MessagePage{After: -1, Limit: 10}, 1, 10},
		{store.MessagePage{After: 1, Limit: 1000}, 2, 201},
		{store.MessagePage{After: 200, Limit: 10}, 201, 205},
		{store.MessagePage{After: 205}, 1, 0},
		{store.MessagePage{After: 9999}, 1, 0},
		{store.MessagePage{After: 10, Before: 15}, 11, 14},
		{store.MessagePage{After: 10, Before: 100, Limit: 5}, 11, 15},
		{store.MessagePage{After: 10, Before: 11}, 1, 0},
		{store.MessagePage{After: 20, Before: 10}, 1, 0},
	} {
		want := []store.Seq{}
		for seq := c.from; seq <= c.to; seq++ {
			want = append(want, seq)
		}
		got := []store.Seq{}
		for _, m := range value(o.S.Messages(t.Context(), "room", c.page))(t) {
			got = append(got, m.Seq)
		}
		same(t, fmt.Sprintf("page %+v", c.page), got, want)
	}
	if list := value(o.S.Messages(t.Context(), "nowhere", store.MessagePage{}))(t); list == nil || len(list) != 0 {
		t.Fatalf("messages of an unknown room: %#v, want an empty list", list)
	}
	same(t, "last seq of an unknown room", value(o.S.LastSeq(t.Context(), "nowhere"))(t), store.Seq(0))
}
