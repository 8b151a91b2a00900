package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

// edit edits a message of the room "room" and returns it. It fails the test if nothing
// changed.
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

// wantError fails the test unless err wraps want; what names the call in the failure.
func wantError(t *testing.T, what string, err, want error) {
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

	// The same text again is no change, even with an older version.
	again, changed, err := o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "first", At: at(60), Version: 1}, store.WithOutbox)
	must(t, err)
	same(t, "edited again", again, want)
	same(t, "changed", changed, false)

	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "late", At: at(60), Version: 1}, store.WithOutbox)
	wantError(t, "an edit of an older version", err, store.ErrVersion)
	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m3", By: ann, Text: "late", At: at(60)}, store.WithOutbox)
	wantError(t, "an edit of an unknown message", err, store.ErrNoMessage)
	_, _, err = o.S.EditMessage(t.Context(), "elsewhere", store.Edit{ID: "m1", By: ann, Text: "late", At: at(60)}, store.WithOutbox)
	wantError(t, "an edit in another room", err, store.ErrNoMessage)

	// The outbox entry of an edit has only the mentions that are new.
	edit(t, o, store.Edit{ID: "m1", By: ben, Text: "second", Mentions: []store.Mention{{User: "cid"}, {User: "ben"}}})
	edit(t, o, store.Edit{ID: "m1", By: ben, Text: "third", Mentions: []store.Mention{{User: "cid"}}})
	o.twice(func() {
		entries := value(o.S.OutboxEntries(t.Context(), 10))(t)
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprint(messageOf(t, e).Mentions))
		}
		same(t, "mentions in outbox entries", strings.Join(got, " "), "[{ben false}] [{cid false}]")
		m := value(o.S.Message(t.Context(), "room", "m1"))(t)
		same(t, "editor", m.EditedBy, &ben)
		same(t, "version", m.Version, int64(4))
		same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(2))
	})

	// Of many concurrent edits of the same version, one succeeds.
	var g errgroup.Group
	results := make([]error, 8)
	for i := range results {
		g.Go(func() error {
			_, _, results[i] = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m2", By: ann, Text: fmt.Sprint("by ", i), At: at(70), Version: 1}, store.NoOutbox)
			return nil
		})
	}
	must(t, g.Wait())
	succeeded := 0
	for _, err := range results {
		if err == nil {
			succeeded++
		} else {
			wantError(t, "a concurrent edit of an older version", err, store.ErrVersion)
		}
	}
	same(t, "number of concurrent edits that succeeded", succeeded, 1)
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
	deleted, changed, err := o.S.DeleteMessage(t.Context(), "room", "m1", store.NoOutbox)
	must(t, err)
	same(t, "changed", changed, true)
	same(t, "deleted", deleted, want)
	o.twice(func() {
		deleted, changed, err := o.S.DeleteMessage(t.Context(), "room", "m1", store.NoOutbox)
		must(t, err)
		same(t, "changed again", changed, false)
		same(t, "deleted again", deleted, want)
		same(t, "read", value(o.S.Messages(t.Context(), "room", store.MessagePage{Limit: 1, After: -1}))(t), []store.Message{want})
		// The id stays in use, and posting it again does not restore the message.
		again, created, err := o.S.PostMessage(t.Context(), store.Message{ID: "m1", Room: "room", User: ann, Text: "secret", CreatedAt: at(9)}, store.WithOutbox)
		must(t, err)
		same(t, "created", created, false)
		same(t, "posted again", again, want)
	})
	_, _, err = o.S.EditMessage(t.Context(), "room", store.Edit{ID: "m1", By: ann, Text: "back", At: at(9)}, store.WithOutbox)
	wantError(t, "an edit of a deleted message", err, store.ErrDeleted)
	_, _, err = o.S.React(t.Context(), "room", store.ReactionChange{ID: "m1", User: "ben", Emoji: "👍", On: true})
	wantError(t, "a reaction to a deleted message", err, store.ErrDeleted)
	_, _, err = o.S.PostMessage(t.Context(), store.Message{ID: "m3", Room: "room", User: ann, Thread: "m1", CreatedAt: at(9)}, store.WithOutbox)
	wantError(t, "a reply to a deleted message", err, store.ErrDeleted)
	_, _, err = o.S.DeleteMessage(t.Context(), "room", "m9", store.NoOutbox)
	wantError(t, "a deletion of an unknown message", err, store.ErrNoMessage)
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
			t.Fatalf("step %d, %+v: changed is %v", i, step, got)
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
	wantError(t, "one emoji too many", react("ann", "more"), store.ErrFull)
	for i := range store.MaxReactions - store.MaxEmoji {
		must(t, react(fmt.Sprint("user ", i), "e0"))
	}
	wantError(t, "one reaction too many", react("ann", "👍"), store.ErrFull)
	put("ann", "e0", false)
	must(t, react("ann", "👍"))
	wantError(t, "a reaction to an unknown message", func() error {
		_, _, err := o.S.React(t.Context(), "room", store.ReactionChange{ID: "m9", User: "ann", Emoji: "👍", On: true})
		return err
	}(), store.ErrNoMessage)
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
				t.Fatalf("change with rev %d follows rev %d, want ascending revs", m.Rev, last)
			}
			last = m.Rev
			got += fmt.Sprintf("%s@%d ", m.ID, m.Rev)
		}
		return got
	}
	o.twice(func() {
		same(t, "changes", list(before, 0), "m1@7 m3@8 m5@9 m0@10 ")
		same(t, "first two changes", list(before, 2), "m1@7 m3@8 ")
		same(t, "next two changes", list(8, 2), "m5@9 m0@10 ")
		same(t, "all changes", list(0, 0), "m2@3 m4@5 m1@7 m3@8 m5@9 m0@10 ")
		same(t, "changes after the last rev", list(10, 0), "")
		same(t, "last rev", value(o.S.LastRev(t.Context(), "room"))(t), store.Rev(10))
		same(t, "last rev of an unknown room", value(o.S.LastRev(t.Context(), "nowhere"))(t), store.Rev(0))
	})
}
