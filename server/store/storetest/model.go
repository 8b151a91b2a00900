package storetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weft/server/store"
)

// modelRoom is the model of one room: what a store must return of it.
type modelRoom struct {
	records   []string // of the document, all that were ever appended
	compacted int      // how many of them the snapshot holds
	messages  []store.Message
	seen      map[string]time.Time
	names     map[string]string
	rev       store.Rev
	read      map[string]store.Seq
}

// model makes random calls of a store and of a naive model of it, and compares what both
// return. Reopening the store is one of the calls.
func model(t *testing.T, o *storeUnderTest) {
	r := random(t)
	rooms := map[store.RoomID]*modelRoom{}
	for _, name := range []store.RoomID{"a", "b/c", "ü", "quiet"} {
		rooms[name] = &modelRoom{seen: map[string]time.Time{}, names: map[string]string{}, read: map[string]store.Seq{}}
	}
	names := []store.RoomID{"a", "b/c", "ü"}
	var outbox []store.Message
	for step := range 500 {
		room := names[r.IntN(len(names))]
		m := rooms[room]
		switch n := r.IntN(100); {
		case n < 30:
			modelAppend(t, o, r, rooms, names)
		case n < 43:
			modelCompact(t, o, r, room, m)
		case n < 68:
			if posted, ok := modelPost(t, o, r, room, m, step); ok {
				outbox = append(outbox, posted)
			}
		case n < 73:
			u := store.User{ID: fmt.Sprint("user ", r.IntN(5)), Name: "N"}
			modelRead(t, o, r, room, m, u, step)
		case n < 78:
			u := store.User{ID: fmt.Sprint("user ", r.IntN(5)), Name: fmt.Sprint("name ", r.IntN(9))}
			when := at(r.IntN(1000))
			same(t, "the old name", touch(t, o, room, u, when), m.names[u.ID])
			if _, known := m.names[u.ID]; !known {
				m.read[u.ID] = store.Seq(len(m.messages))
			}
			if !when.Before(m.seen[u.ID]) {
				m.seen[u.ID], m.names[u.ID] = when, u.Name
			}
		case n < 83 && len(outbox) > 0:
			i := r.IntN(len(outbox))
			list := value(o.S.OutboxEntries(t.Context(), i+1))(t)
			must(t, o.S.DeleteOutboxEntry(t.Context(), list[i].ID))
			outbox = slices.Delete(outbox, i, i+1)
		case n < 90:
			if entry, ok := modelChange(t, o, r, room, m, step); ok {
				outbox = append(outbox, entry)
			}
		case n < 94:
			modelPage(t, o, r, room, m)
		case n < 97:
			modelCheck(t, o, rooms, outbox)
		default:
			o.reopen()
		}
	}
	o.twice(func() { modelCheck(t, o, rooms, outbox) })
}

func modelAppend(t *testing.T, o *storeUnderTest, r *rand.Rand, rooms map[store.RoomID]*modelRoom, names []store.RoomID) {
	t.Helper()
	var updates []store.Update
	for range 1 + r.IntN(60) {
		room := names[r.IntN(len(names))]
		data := fmt.Sprintf("%d|%s;", len(rooms[room].records), strings.Repeat("x", r.IntN(200)))
		rooms[room].records = append(rooms[room].records, data)
		updates = append(updates, store.Update{Room: room, Data: []byte(data)})
	}
	must(t, o.S.AppendUpdates(t.Context(), updates))
}

// modelCompact compacts a random part of the log: the records from before some appends.
func modelCompact(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom) {
	t.Helper()
	most := math.MaxInt
	if r.IntN(2) == 0 {
		most = r.IntN(2000)
	}
	doc, _, err := o.S.LoadPart(t.Context(), room, 0, most)
	must(t, err)
	if doc.Through == 0 {
		return
	}
	n := m.compacted + len(doc.Log)
	if r.IntN(2) == 0 {
		m.records = append(m.records, "late;")
		appendTo(t, o, room, "late;")
	}
	must(t, o.S.Compact(t.Context(), room, []byte(strings.Join(m.records[:n], "")), doc.Through))
	m.compacted = n
}

// modelPost returns the message if it left an outbox entry.
func modelPost(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom, step int) (store.Message, bool) {
	t.Helper()
	msg := store.Message{
		ID: fmt.Sprint(r.IntN(60)), Room: room, User: store.User{ID: fmt.Sprint("user ", r.IntN(3)), Name: "N"},
		Text: fmt.Sprint("text ", step), Mentions: []store.Mention{}, Reactions: []store.Reaction{}, CreatedAt: at(step),
	}
	if r.IntN(4) == 0 {
		msg.Mentions = append(msg.Mentions, store.Mention{User: "user 1"})
		msg.Quote = json.RawMessage(`{"q":1}`)
	}
	if len(m.messages) > 0 && r.IntN(3) == 0 {
		msg.Thread = m.messages[r.IntN(len(m.messages))].ID
	}
	outbox := []store.OutboxMode{store.NoOutbox, store.WithOutbox}[r.IntN(2)]
	stored, created, err := o.S.PostMessage(t.Context(), msg, outbox)
	i := slices.IndexFunc(m.messages, func(k store.Message) bool { return k.ID == msg.ID })
	switch {
	case i < 0:
		root := m.root(msg.Thread)
		if root != nil && root.Deleted && root.Replies == nil {
			if !errors.Is(err, store.ErrDeleted) {
				t.Fatalf("error %v, want ErrDeleted", err)
			}
			return store.Message{}, false
		}
		must(t, err)
		m.rev++
		msg.Seq, msg.Rev, msg.Version = store.Seq(len(m.messages)+1), m.rev, 1
		if root != nil {
			msg.Thread = root.ID
		}
		m.messages = append(m.messages, msg)
		m.countReplies(msg.Thread)
		same(t, "posted", stored, msg)
		same(t, "created", created, true)
		return msg, outbox == store.WithOutbox
	case m.messages[i].User.ID != msg.User.ID:
		if !errors.Is(err, store.ErrConflict) {
			t.Fatalf("error %v, want ErrConflict", err)
		}
	default:
		must(t, err)
		same(t, "posted again", stored, m.messages[i])
		same(t, "created", created, false)
	}
	return store.Message{}, false
}

func modelPage(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom) {
	t.Helper()
	var p store.MessagePage
	if r.IntN(2) == 0 {
		p.Before = store.Seq(r.IntN(len(m.messages) + 3))
	}
	if r.IntN(2) == 0 {
		p.After = store.Seq(r.IntN(len(m.messages) + 3))
	}
	p.Limit = r.IntN(12)
	want := []store.Message{}
	for _, msg := range m.messages {
		if (p.Before == 0 || msg.Seq < p.Before) && msg.Seq > p.After {
			want = append(want, msg)
		}
	}
	limit := p.Limit
	if limit == 0 {
		limit = 50
	}
	if len(want) > limit && p.After != 0 {
		want = want[:limit]
	} else if len(want) > limit {
		want = want[len(want)-limit:]
	}
	same(t, fmt.Sprintf("page %+v of %q", p, room), value(o.S.Messages(t.Context(), room, p))(t), want)

	modelSearch(t, o, r, room, m)
	after := store.Rev(r.Int64N(int64(m.rev) + 2))
	want = []store.Message{}
	for _, msg := range m.messages {
		if msg.Rev > after {
			want = append(want, msg)
		}
	}
	slices.SortFunc(want, func(a, b store.Message) int { return cmp.Compare(a.Rev, b.Rev) })
	same(t, fmt.Sprintf("changes of %q after %d", room, after), value(o.S.Changes(t.Context(), room, after, 200))(t), want)
}

func modelCheck(t *testing.T, o *storeUnderTest, rooms map[store.RoomID]*modelRoom, outbox []store.Message) {
	t.Helper()
	type length struct {
		room  store.RoomID
		bytes int
	}
	var long []length
	for room, m := range rooms {
		wantDoc(t, o, room, strings.Join(m.records[:m.compacted], ""), m.records[m.compacted:]...)
		same(t, "last seq", value(o.S.LastSeq(t.Context(), room))(t), store.Seq(len(m.messages)))
		same(t, "last rev", value(o.S.LastRev(t.Context(), room))(t), m.rev)
		for n := range 5 {
			user := fmt.Sprint("user ", n)
			same(t, "unread of "+user, value(o.S.Unread(t.Context(), room, user))(t), m.unread(user))
		}
		n := len(strings.Join(m.records[m.compacted:], ""))
		if n > 0 && store.WrittenBytes(len(m.records)-m.compacted, n) >= len(strings.Join(m.records[:m.compacted], "")) {
			long = append(long, length{room, n})
		}
		var people []store.User
		for id, name := range m.names {
			people = append(people, store.User{ID: id, Name: name})
		}
		slices.SortFunc(people, func(a, b store.User) int {
			return cmp.Or(m.seen[b.ID].Compare(m.seen[a.ID]), cmp.Compare(a.ID, b.ID))
		})
		same(t, "members", value(o.S.Members(t.Context(), room))(t), people)
	}
	slices.SortFunc(long, func(a, b length) int { return cmp.Or(b.bytes-a.bytes, cmp.Compare(a.room, b.room)) })
	want := []store.RoomID{}
	for _, l := range long {
		want = append(want, l.room)
	}
	same(t, "long logs", value(o.S.LongLogs(t.Context(), 1, math.MaxInt))(t), want)
	list := value(o.S.OutboxEntries(t.Context(), 1000))(t)
	if len(list) != len(outbox) {
		t.Fatalf("%d outbox entries, want %d", len(list), len(outbox))
	}
	for i, f := range list {
		var m store.Message
		must(t, json.Unmarshal(f.Data, &m))
		same(t, "outbox entry", m, outbox[i])
	}
}
