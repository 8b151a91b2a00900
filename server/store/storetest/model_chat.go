package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/server/store"
)

// messageOf decodes the message of an outbox entry.
func messageOf(t *testing.T, e store.OutboxEntry) (m store.Message) {
	t.Helper()
	must(t, json.Unmarshal(e.Data, &m))
	return m
}

// find returns the message with the id, nil if there is none.
func (m *modelRoom) find(id string) *store.Message {
	if i := slices.IndexFunc(m.messages, func(k store.Message) bool { return k.ID == id }); i >= 0 {
		return &m.messages[i]
	}
	return nil
}

// root returns the first message of the thread that a reply to that message joins.
func (m *modelRoom) root(thread string) *store.Message {
	root := m.find(thread)
	if root != nil && root.Thread != "" {
		return m.find(root.Thread)
	}
	return root
}

// countReplies computes Replies of a thread's first message again after a change.
func (m *modelRoom) countReplies(thread string) {
	if thread == "" {
		return
	}
	m.rev++
	root := m.find(thread)
	root.Rev, root.Replies = m.rev, nil
	for _, msg := range slices.Backward(m.messages) {
		if msg.Thread != thread || msg.Deleted {
			continue
		}
		if root.Replies == nil {
			root.Replies = &store.Replies{Last: msg.CreatedAt}
		}
		root.Replies.Count++
		if s := root.Replies; s.Count <= 20 && len(s.People) < 3 && !slices.Contains(s.People, msg.User) {
			s.People = append(s.People, msg.User)
		}
	}
}

func (m *modelRoom) unread(user string) store.Unread {
	u := store.Unread{Read: m.read[user], LastSeq: store.Seq(len(m.messages))}
	for _, msg := range m.messages {
		if msg.Seq <= u.Read || msg.Deleted || msg.User.ID == user {
			continue
		}
		u.Count++
		if slices.ContainsFunc(msg.Mentions, func(k store.Mention) bool { return k.Room || k.User == user }) {
			u.Mentions++
		}
	}
	return u
}

func modelRead(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom, u store.User, step int) {
	t.Helper()
	seq := store.Seq(r.IntN(len(m.messages) + 3))
	got := value(o.S.ReadUpTo(t.Context(), room, u, seq, at(step)))(t)
	_, known := m.names[u.ID]
	if exists := len(m.messages) > 0 || len(m.names) > 0; !exists {
		same(t, "ReadUpTo in a room that does not exist", got, store.Unread{})
		return
	}
	if !known {
		m.names[u.ID], m.seen[u.ID] = u.Name, at(step)
	}
	m.read[u.ID] = max(m.read[u.ID], min(seq, store.Seq(len(m.messages))))
	same(t, "unread after ReadUpTo", got, m.unread(u.ID))
}

// modelChange makes a random change of a random message: an edit, a deletion or a
// reaction. It returns the message of the outbox entry that the change must add; ok is false
// if it must add none.
func modelChange(t *testing.T, o *storeUnderTest, r *rand.Rand, room store.RoomID, m *modelRoom, step int) (entry store.Message, ok bool) {
	t.Helper()
	id, user := fmt.Sprint(r.IntN(60)), fmt.Sprint("user ", r.IntN(3))
	msg := m.find(id)
	var c modelResult
	switch r.IntN(3) {
	case 0:
		e := store.Edit{ID: id, By: store.User{ID: user, Name: "N"}, Text: fmt.Sprint("text ", r.IntN(4)), At: at(step), Version: int64(r.IntN(3))}
		if r.IntN(2) == 0 {
			e.Mentions = []store.Mention{{User: fmt.Sprint("user ", r.IntN(4))}, {Room: true}}[r.IntN(2):]
		}
		c = m.edit(msg, e)
		c.got, c.changed, c.err = o.S.EditMessage(t.Context(), room, e, store.WithOutbox)
	case 1:
		c = m.delete(msg)
		c.got, c.changed, c.err = o.S.DeleteMessage(t.Context(), room, id, store.WithOutbox)
	default:
		change := store.ReactionChange{ID: id, User: user, Emoji: []string{"👍", "🎉"}[r.IntN(2)], On: r.IntN(2) == 0}
		c = m.react(msg, change)
		c.got, c.changed, c.err = o.S.React(t.Context(), room, change)
	}
	if !errors.Is(c.err, c.wantErr) {
		t.Fatalf("changing %q: error %v, want %v", id, c.err, c.wantErr)
	}
	if c.wantErr == nil {
		same(t, "changed", c.changed, c.wantChanged)
		same(t, "change of "+id, c.got, *msg)
	}
	return c.entry, c.hasEntry
}

// modelResult is the result of a change by the model, and that of the store.
type modelResult struct {
	wantErr     error
	wantChanged bool
	entry       store.Message // of the outbox
	hasEntry    bool

	got     store.Message
	changed bool
	err     error
}

// edit applies an edit to the model's message, which is nil if there is none.
func (m *modelRoom) edit(msg *store.Message, e store.Edit) (c modelResult) {
	switch {
	case msg == nil:
		c.wantErr = store.ErrNoMessage
	case msg.Deleted:
		c.wantErr = store.ErrDeleted
	case msg.Text == e.Text:
	case e.Version != 0 && e.Version != msg.Version:
		c.wantErr = store.ErrVersion
	default:
		c.wantChanged = true
		added := slices.DeleteFunc(slices.Clone(e.Mentions), func(k store.Mention) bool { return slices.Contains(msg.Mentions, k) })
		when := e.At
		msg.Text, msg.Mentions, msg.EditedAt, msg.EditedBy = e.Text, append([]store.Mention{}, e.Mentions...), &when, nil
		if e.By.ID != msg.User.ID {
			msg.EditedBy = &e.By
		}
		m.rev++
		msg.Rev, msg.Version = m.rev, msg.Version+1
		if c.hasEntry = len(added) > 0; c.hasEntry {
			c.entry = *msg
			c.entry.Mentions = added
		}
	}
	return c
}

// delete deletes the model's message, which is nil if there is none.
func (m *modelRoom) delete(msg *store.Message) (c modelResult) {
	switch {
	case msg == nil:
		c.wantErr = store.ErrNoMessage
	case !msg.Deleted:
		c.wantChanged = true
		m.rev++
		*msg = store.Message{
			ID: msg.ID, Room: msg.Room, Seq: msg.Seq, Rev: m.rev, Version: msg.Version + 1, User: msg.User, Thread: msg.Thread, Replies: msg.Replies,
			Mentions: []store.Mention{}, Reactions: []store.Reaction{}, CreatedAt: msg.CreatedAt, EditedAt: msg.EditedAt, Deleted: true,
		}
		c.entry, c.hasEntry = *msg, true
		m.countReplies(msg.Thread)
	}
	return c
}

// react changes a reaction to the model's message, which is nil if there is none.
func (m *modelRoom) react(msg *store.Message, r store.ReactionChange) (c modelResult) {
	switch {
	case msg == nil:
		c.wantErr = store.ErrNoMessage
	case msg.Deleted:
		c.wantErr = store.ErrDeleted
	default:
		if c.wantChanged = modelReact(msg, r.User, r.Emoji, r.On); c.wantChanged {
			m.rev++
			msg.Rev = m.rev
		}
	}
	return c
}

// modelReact puts or removes a reaction, and reports whether this changed the message.
func modelReact(m *store.Message, user, emoji string, on bool) (changed bool) {
	was := slices.ContainsFunc(m.Reactions, func(k store.Reaction) bool { return k.Emoji == emoji && slices.Contains(k.Users, user) })
	if was == on {
		return false
	}
	reactions := []store.Reaction{}
	found := false
	for _, k := range m.Reactions {
		users := slices.Clone(k.Users)
		if k.Emoji == emoji && on {
			found, users = true, append(users, user)
		} else if k.Emoji == emoji {
			users = slices.DeleteFunc(users, func(u string) bool { return u == user })
		}
		if len(users) > 0 {
			reactions = append(reactions, store.Reaction{Emoji: k.Emoji, Users: users})
		}
	}
	if on && !found {
		reactions = append(reactions, store.Reaction{Emoji: emoji, Users: []string{user}})
	}
	m.Reactions = reactions
	return true
}
