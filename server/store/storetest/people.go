package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

func outboxEntries(t *testing.T, o *storeUnderTest) {
	var posted []store.Message
	for i := range 5 {
		outbox := store.WithOutbox
		if i == 2 {
			outbox = store.NoOutbox
		}
		m, _, err := o.S.PostMessage(t.Context(), store.Message{
			ID: fmt.Sprint(i), Room: "room", User: ann, Text: "hello @ben", Mentions: []store.Mention{{User: "ben"}}, CreatedAt: at(i),
		}, outbox)
		must(t, err)
		if i != 2 {
			posted = append(posted, m)
		}
	}
	if _, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "0", Room: "room", User: ben, CreatedAt: at(0)}, store.WithOutbox); err == nil {
		t.Fatal("posting with the id of another author's message returned no error")
	}
	list := value(o.S.OutboxEntries(t.Context(), 10))(t)
	if len(list) != len(posted) {
		t.Fatalf("%d outbox entries, want %d", len(list), len(posted))
	}
	for i, e := range list {
		var m store.Message
		must(t, json.Unmarshal(e.Data, &m))
		same(t, "kind", e.Kind, "message")
		same(t, "message in the outbox entry", m, posted[i])
	}
	o.twice(func() {
		same(t, "outbox entries", value(o.S.OutboxEntries(t.Context(), 10))(t), list)
		same(t, "first two", value(o.S.OutboxEntries(t.Context(), 2))(t), list[:2])
	})
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[0].ID))
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[3].ID))
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[0].ID)) // deleting again is no error
	o.twice(func() {
		same(t, "outbox entries", value(o.S.OutboxEntries(t.Context(), 10))(t), list[1:3])
	})
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[1].ID))
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[2].ID))
	o.reopen()
	m, _, err := o.S.PostMessage(t.Context(), store.Message{ID: "new", Room: "room", User: ann, CreatedAt: at(9)}, store.WithOutbox)
	must(t, err)
	must(t, o.S.DeleteOutboxEntry(t.Context(), list[3].ID)) // ids of deleted entries are not used again
	if left := value(o.S.OutboxEntries(t.Context(), 10))(t); len(left) != 1 || left[0].ID <= list[3].ID {
		t.Fatalf("outbox entries after message %q: %+v", m.ID, left)
	}
}

func members(t *testing.T, o *storeUnderTest) {
	touch := func(room store.RoomID, id, name string, second int) {
		t.Helper()
		touch(t, o, room, store.User{ID: id, Name: name}, at(second))
	}
	touch("room", "ann", "Ann", 1)
	touch("room", "ben", "Ben", 2)
	touch("room", "cleo", "Cleo", 2)
	touch("other", "dan", "Dan", 3)
	touch("room", "ann", "Anna", 4)
	touch("room", "ann", "Older", 3)
	o.twice(func() {
		same(t, "members", value(o.S.Members(t.Context(), "room"))(t), []store.User{{ID: "ann", Name: "Anna"}, {ID: "ben", Name: "Ben"}, {ID: "cleo", Name: "Cleo"}})
		same(t, "members", value(o.S.Members(t.Context(), "other"))(t), []store.User{{ID: "dan", Name: "Dan"}})
		if list := value(o.S.Members(t.Context(), "nowhere"))(t); len(list) != 0 {
			t.Fatalf("members of an unknown room: %v", list)
		}
	})
	if m := post(t, o, "room", "first"); m.Seq != 1 {
		t.Fatalf("the first message of a room with members has seq %d, want 1", m.Seq)
	}
}

func membersLimit(t *testing.T, o *storeUnderTest) {
	var g errgroup.Group
	g.SetLimit(64)
	for i := range 1003 {
		g.Go(func() error {
			_, err := o.S.TouchMember(t.Context(), "room", store.User{ID: fmt.Sprintf("%04d", i)}, at(i))
			return err
		})
	}
	must(t, g.Wait())
	list := value(o.S.Members(t.Context(), "room"))(t)
	if len(list) != 1000 || list[0].ID != "1002" || list[999].ID != "0003" {
		t.Fatalf("%d members from %v to %v, want 1,000 from 1002 to 0003", len(list), list[0], list[len(list)-1])
	}
}

func settingsRace(t *testing.T, o *storeUnderTest) {
	var g errgroup.Group
	got := make([]string, 16)
	for i := range got {
		g.Go(func() error {
			v, err := o.S.Setting(t.Context(), "key", func() ([]byte, error) { return fmt.Appendf(nil, "made by %d", i), nil })
			got[i] = string(v)
			return err
		})
	}
	must(t, g.Wait())
	never := func() ([]byte, error) { return nil, errors.New("make was called although there is a value") }
	o.twice(func() {
		for i := range got {
			same(t, fmt.Sprint("caller ", i), got[i], string(value(o.S.Setting(t.Context(), "key", never))(t)))
		}
	})
}

func settingsFail(t *testing.T, o *storeUnderTest) {
	broken := errors.New("broken")
	if _, err := o.S.Setting(t.Context(), "key", func() ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Fatalf("error %v, want the error of make", err)
	}
	for _, want := range []string{"\x00\xff value", ""} {
		key := "key" + want
		same(t, "setting", string(value(o.S.Setting(t.Context(), key, func() ([]byte, error) { return []byte(want), nil }))(t)), want)
		o.reopen()
		same(t, "setting", string(value(o.S.Setting(t.Context(), key, func() ([]byte, error) { return []byte("other"), nil }))(t)), want)
	}
}

func settingsPut(t *testing.T, o *storeUnderTest) {
	must(t, o.S.PutSetting(t.Context(), "a/1", []byte("one")))
	must(t, o.S.PutSetting(t.Context(), "a/1", []byte("uno")))
	must(t, o.S.PutSetting(t.Context(), "a/%", []byte("\x00")))
	must(t, o.S.PutSetting(t.Context(), "b/1", []byte("other")))
	must(t, o.S.PutSetting(t.Context(), "a/2", []byte("removed")))
	must(t, o.S.PutSetting(t.Context(), "a/2", nil))
	must(t, o.S.PutSetting(t.Context(), "a/3", nil))
	o.twice(func() {
		same(t, "settings", fmt.Sprintf("%q", value(o.S.Settings(t.Context(), "a/"))(t)), `map["a/%":"\x00" "a/1":"uno"]`)
		same(t, "settings", fmt.Sprint(len(value(o.S.Settings(t.Context(), "c"))(t))), "0")
	})
}

func cancelled(t *testing.T, o *storeUnderTest) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, postErr := o.S.PostMessage(ctx, store.Message{ID: "m", Room: "room", User: ann}, store.WithOutbox)
	_, loadErr := LoadAll(ctx, o.S, "room")
	_, touchErr := o.S.TouchMember(ctx, "room", ann, at(0))
	for name, err := range map[string]error{
		"append":  o.S.AppendUpdates(ctx, []store.Update{{Room: "room", Data: []byte("x")}}),
		"compact": o.S.Compact(ctx, "room", []byte("x"), 1),
		"touch":   touchErr,
		"ping":    o.S.Ping(ctx),
		"post":    postErr,
		"load":    loadErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
	}
	same(t, "document", load(t, o, "room"), store.Doc{})
	same(t, "last seq", value(o.S.LastSeq(t.Context(), "room"))(t), store.Seq(0))
	must(t, o.S.Ping(t.Context()))
}

// everything calls every method from many goroutines, for the race detector.
func everything(t *testing.T, o *storeUnderTest) {
	ctx := t.Context()
	var g errgroup.Group
	for w := range 8 {
		g.Go(func() error {
			for i := range 10 {
				room := store.RoomID(fmt.Sprint("room ", i%2))
				err := o.S.AppendUpdates(ctx, []store.Update{{Room: room, Data: []byte("x")}, {Room: "shared", Data: []byte("y")}})
				doc, e := LoadAll(ctx, o.S, room)
				err = errors.Join(err, e)
				err = errors.Join(err, o.S.Compact(ctx, room, []byte("s"), doc.Through))
				_, e = o.S.LongLogs(ctx, 1, 1)
				err = errors.Join(err, e)
				_, _, e = o.S.PostMessage(ctx, store.Message{ID: fmt.Sprint(w, "-", i), Room: room, User: ann, CreatedAt: at(i)}, store.WithOutbox)
				err = errors.Join(err, e)
				_, e = o.S.Messages(ctx, room, store.MessagePage{})
				err = errors.Join(err, e)
				_, e = o.S.LastSeq(ctx, room)
				err = errors.Join(err, e)
				list, e := o.S.OutboxEntries(ctx, 1)
				err = errors.Join(err, e)
				for _, entry := range list {
					err = errors.Join(err, o.S.DeleteOutboxEntry(ctx, entry.ID))
				}
				_, e = o.S.TouchMember(ctx, room, ann, at(i))
				err = errors.Join(err, e)
				_, _, e = o.S.AddSystemMessage(ctx, room, store.SystemMessage{Kind: store.SystemJoined, User: ann, At: at(i)})
				err = errors.Join(err, e)
				_, e = o.S.SystemMessages(ctx, room)
				err = errors.Join(err, e)
				_, _, e = o.S.React(ctx, room, store.ReactionChange{ID: fmt.Sprint(w, "-", i), User: "ben", Emoji: "👍", On: true})
				err = errors.Join(err, e)
				_, _, e = o.S.EditMessage(ctx, room, store.Edit{ID: fmt.Sprint(w, "-", i), By: ann, Text: "edited", At: at(i)}, store.WithOutbox)
				err = errors.Join(err, e)
				_, e = o.S.Changes(ctx, room, 0, 0)
				err = errors.Join(err, e)
				_, e = o.S.LastRev(ctx, room)
				err = errors.Join(err, e)
				_, e = o.S.Message(ctx, room, fmt.Sprint(w, "-", i))
				err = errors.Join(err, e)
				_, e = o.S.Search(ctx, room, store.SearchPage{Query: store.ParseQuery("edited")})
				err = errors.Join(err, e)
				_, e = o.S.ReadUpTo(ctx, room, ann, store.Seq(i), at(i))
				err = errors.Join(err, e)
				_, e = o.S.RoomsOf(ctx, "ann", store.RoomPage{})
				err = errors.Join(err, e)
				_, e = o.S.ImportMessage(ctx, store.Message{ID: fmt.Sprint("i", w, "-", i), Room: room, User: ann, CreatedAt: at(i)})
				err = errors.Join(err, e)
				_, _, e = o.S.DeleteMessage(ctx, room, fmt.Sprint(w, "-", i), store.WithOutbox)
				err = errors.Join(err, e)
				_, e = o.S.Members(ctx, room)
				err = errors.Join(err, e)
				_, e = o.S.Setting(ctx, fmt.Sprint(i), func() ([]byte, error) { return []byte("v"), nil })
				err = errors.Join(err, e, o.S.PutSetting(ctx, fmt.Sprint("p", i), []byte("v")))
				_, e = o.S.Settings(ctx, "p")
				if err = errors.Join(err, e, o.S.Ping(ctx)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
}
