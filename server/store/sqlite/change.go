package sqlite

import (
	"context"
	"fmt"
	"slices"

	"weft/server/store"
)

// EditMessage implements store.Chat.
func (s *Store) EditMessage(ctx context.Context, room store.RoomID, e store.Edit, outbox store.OutboxMode) (store.Message, bool, error) {
	return s.changeMessage(ctx, "edit message", room, e.ID, func(t *tx, n int64, m *store.Message) (bool, error) {
		switch {
		case m.Deleted:
			return false, store.ErrDeleted
		case m.Text == e.Text:
			return false, nil
		case e.Version != 0 && e.Version != m.Version:
			return false, fmt.Errorf("%w: it has version %d", store.ErrVersion, m.Version)
		}
		before := m.Mentions
		at := timeOf(millis(e.At))
		m.Text, m.Mentions, m.EditedAt, m.EditedBy = e.Text, append([]store.Mention{}, e.Mentions...), &at, nil
		if e.By.ID != m.User.ID {
			m.EditedBy = &e.By
		}
		m.Version++
		var err error
		if m.Rev, err = t.change(n, m.Seq, "text = ?, mentions = ?, edited_at = ?, edited_by = ?, version = ?",
			m.Text, jsonOrNull(m.Mentions, true), millis(at), jsonOrNull(m.EditedBy, m.EditedBy != nil), m.Version); err != nil {
			return false, err
		}
		if err := t.removeMentions(n, m.Seq, before); err != nil {
			return false, err
		}
		if err := t.addMentions(n, *m); err != nil {
			return false, err
		}
		if err := t.reindexWords(n, m.Seq, m.Text); err != nil {
			return false, err
		}
		if added := newMentions(before, m.Mentions); outbox == store.WithOutbox && len(added) > 0 {
			entry := *m
			entry.Mentions = added
			return true, t.addToOutbox(store.OutboxMessage, entry)
		}
		return true, nil
	})
}

// newMentions returns the mentions in after that are not in before.
func newMentions(before, after []store.Mention) []store.Mention {
	return slices.DeleteFunc(slices.Clone(after), func(m store.Mention) bool { return slices.Contains(before, m) })
}

// DeleteMessage implements store.Chat.
func (s *Store) DeleteMessage(ctx context.Context, room store.RoomID, id string, outbox store.OutboxMode) (store.Message, bool, error) {
	return s.changeMessage(ctx, "delete message", room, id, func(t *tx, n int64, m *store.Message) (bool, error) {
		if m.Deleted {
			return false, nil
		}
		before := m.Mentions
		m.Deleted, m.Text, m.Quote, m.Mentions, m.Reactions, m.EditedBy = true, "", nil, []store.Mention{}, []store.Reaction{}, nil
		m.Version++
		var err error
		if m.Rev, err = t.change(n, m.Seq, "deleted = 1, text = '', quote = NULL, mentions = '[]', reactions = NULL, edited_by = NULL, version = ?", m.Version); err != nil {
			return false, err
		}
		if err := t.reindexWords(n, m.Seq, ""); err != nil {
			return false, err
		}
		if outbox == store.WithOutbox {
			if err := t.addToOutbox(store.OutboxDeleted, *m); err != nil {
				return false, err
			}
		}
		if err := t.removeMentions(n, m.Seq, before); err != nil || m.Thread == "" {
			return true, err
		}
		root, err := t.message(m.Room, m.Thread)
		if err != nil || root.Replies == nil {
			return true, nil // an import may lack the thread's first message
		}
		return true, t.updateReplies(n, root, -1)
	})
}

// removeMentions deletes what addMentions stored.
func (t *tx) removeMentions(room int64, seq store.Seq, before []store.Mention) error {
	for _, mention := range before {
		if _, err := t.exec("DELETE FROM mentioned WHERE room = ? AND usr = ? AND seq = ?", room, mention.User, seq); err != nil {
			return err
		}
	}
	return nil
}

// React implements store.Chat.
func (s *Store) React(ctx context.Context, room store.RoomID, r store.ReactionChange) (store.Message, bool, error) {
	return s.changeMessage(ctx, "react", room, r.ID, func(t *tx, n int64, m *store.Message) (bool, error) {
		if m.Deleted {
			return false, store.ErrDeleted
		}
		changed, err := react(m, r)
		if err != nil || !changed {
			return false, err
		}
		m.Rev, err = t.change(n, m.Seq, "reactions = ?", jsonOrNull(m.Reactions, len(m.Reactions) > 0))
		return true, err
	})
}

// react applies r to m's reactions.
func react(m *store.Message, r store.ReactionChange) (changed bool, err error) {
	i := slices.IndexFunc(m.Reactions, func(k store.Reaction) bool { return k.Emoji == r.Emoji })
	at := -1
	if i >= 0 {
		at = slices.Index(m.Reactions[i].Users, r.User)
	}
	switch {
	case r.On == (at >= 0):
		return false, nil
	case !r.On && len(m.Reactions[i].Users) == 1:
		m.Reactions = slices.Delete(m.Reactions, i, i+1)
		return true, nil
	case !r.On:
		m.Reactions[i].Users = slices.Delete(m.Reactions[i].Users, at, at+1)
		return true, nil
	}
	all := 0
	for _, k := range m.Reactions {
		all += len(k.Users)
	}
	if all >= store.MaxReactions || i < 0 && len(m.Reactions) >= store.MaxEmoji {
		return false, store.ErrFull
	}
	if i < 0 {
		m.Reactions = append(m.Reactions, store.Reaction{Emoji: r.Emoji, Users: []string{r.User}})
	} else {
		m.Reactions[i].Users = append(m.Reactions[i].Users, r.User)
	}
	return true, nil
}

// changeMessage runs change on a stored message, in a transaction. change stores the
// change and applies it to m too, which is returned; n is the room's id in the table
// rooms. changed says whether it did anything.
func (s *Store) changeMessage(ctx context.Context, op string, room store.RoomID, id string, change func(t *tx, n int64, m *store.Message) (bool, error)) (m store.Message, changed bool, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		if m, err = t.message(room, id); err != nil {
			return err
		}
		var n int64
		if _, err := t.row("SELECT id FROM rooms WHERE name = ?", []any{room}, &n); err != nil {
			return err
		}
		changed, err = change(t, n, &m)
		return err
	})
	if err != nil {
		return store.Message{}, false, fail(op, err)
	}
	return m, changed, nil
}

// change sets columns of a message and gives it the room's next rev. set is a
// constant.
func (t *tx) change(room int64, seq store.Seq, set string, values ...any) (rev store.Rev, err error) {
	if _, err := t.row("UPDATE rooms SET last_rev = last_rev + 1 WHERE id = ? RETURNING last_rev", []any{room}, &rev); err != nil {
		return 0, err
	}
	_, err = t.exec("UPDATE messages SET "+set+", rev = ? WHERE room = ? AND seq = ?", append(values, rev, room, seq)...)
	return rev, err
}
