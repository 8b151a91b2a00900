package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"weft/server/store"
)

const maxMessageID = 64 // bytes

// PostMessage implements store.Chat.
func (s *Store) PostMessage(ctx context.Context, m store.Message, outbox store.OutboxMode) (stored store.Message, created bool, err error) {
	m.EditedAt, m.EditedBy, m.Deleted, m.Version, m.Reactions = nil, nil, false, 1, nil
	return s.addMessage(ctx, "post message", m, outbox, func(t *tx, m *store.Message) (*store.Message, error) {
		root, err := t.resolveThread(m)
		if err == nil && root.Deleted && root.Replies == nil {
			return nil, store.ErrDeleted
		}
		return root, err
	})
}

// ImportMessage implements store.Chat.
func (s *Store) ImportMessage(ctx context.Context, m store.Message) (created bool, err error) {
	m.Version = max(m.Version, 1)
	_, created, err = s.addMessage(ctx, "import message", m, store.NoOutbox, func(t *tx, m *store.Message) (*store.Message, error) {
		root, err := t.resolveThread(m)
		if errors.Is(err, store.ErrNoMessage) {
			return nil, nil // an import may lack the thread's first message
		}
		return root, err
	})
	return created, err
}

// addMessage stores a new message. resolveThread is called for a reply: it may change m.
// Thread, and returns the message that m replies to, if there is one.
func (s *Store) addMessage(ctx context.Context, op string, m store.Message, outbox store.OutboxMode, resolveThread func(*tx, *store.Message) (*store.Message, error)) (stored store.Message, created bool, err error) {
	if m.Room == "" || m.ID == "" || len(m.ID) > maxMessageID {
		return store.Message{}, false, fail(op, fmt.Errorf("room %q, id %q", m.Room, m.ID))
	}
	m = normalize(m)
	err = s.write(ctx, func(t *tx) (err error) {
		stored, created, err = t.post(m, outbox, resolveThread)
		return err
	})
	if err != nil {
		return store.Message{}, false, fail(op, err)
	}
	return stored, created, nil
}

// normalize returns m as it will be read back: without replies, with lists that are not
// nil, and with times in UTC and whole milliseconds.
func normalize(m store.Message) store.Message {
	m.Mentions = append([]store.Mention{}, m.Mentions...)
	m.Reactions = append([]store.Reaction{}, m.Reactions...)
	m.Replies = nil
	if len(m.Quote) == 0 {
		m.Quote = nil
	}
	m.CreatedAt = timeOf(millis(m.CreatedAt))
	if m.EditedAt != nil {
		at := timeOf(millis(*m.EditedAt))
		m.EditedAt = &at
	}
	return m
}

// post stores a message, unless its author has posted the same id before.
func (t *tx) post(m store.Message, outbox store.OutboxMode, resolveThread func(*tx, *store.Message) (*store.Message, error)) (store.Message, bool, error) {
	switch known, err := t.message(m.Room, m.ID); {
	case errors.Is(err, store.ErrNoMessage):
	case err != nil:
		return store.Message{}, false, err
	case known.User.ID != m.User.ID:
		return store.Message{}, false, fmt.Errorf("%w: message %q", store.ErrConflict, m.ID)
	default:
		return known, false, nil
	}
	var root *store.Message
	if m.Thread != "" {
		var err error
		if root, err = resolveThread(t, &m); err != nil {
			return store.Message{}, false, err
		}
	}
	var room int64
	if _, err := t.row("INSERT INTO rooms (name, last_seq, last_rev) VALUES (?, 1, 1) ON CONFLICT (name) DO UPDATE SET last_seq = last_seq + 1, last_rev = last_rev + 1 RETURNING id, last_seq, last_rev",
		[]any{m.Room}, &room, &m.Seq, &m.Rev); err != nil {
		return store.Message{}, false, err
	}
	var quote any // NULL if there is none
	if m.Quote != nil {
		quote = string(m.Quote)
	}
	mentions, err := json.Marshal(m.Mentions)
	if err != nil {
		return store.Message{}, false, err
	}
	if _, err := t.exec("INSERT INTO messages (room, seq, id, usr, name, text, thread, quote, mentions, created_at, edited_at, deleted, rev, version, edited_by, reactions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		room, m.Seq, m.ID, m.User.ID, m.User.Name, m.Text, m.Thread, quote, string(mentions), millis(m.CreatedAt), millisPtr(m.EditedAt), m.Deleted,
		m.Rev, m.Version, jsonOrNull(m.EditedBy, m.EditedBy != nil), jsonOrNull(m.Reactions, len(m.Reactions) > 0)); err != nil {
		return store.Message{}, false, err
	}
	if err := t.addMentions(room, m); err != nil {
		return store.Message{}, false, err
	}
	if err := t.indexWords(room, m.Seq, m.Text); err != nil {
		return store.Message{}, false, err
	}
	if root != nil && !m.Deleted {
		if err := t.updateReplies(room, *root, +1); err != nil {
			return store.Message{}, false, err
		}
	}
	if outbox == store.WithOutbox {
		if err := t.addToOutbox(store.OutboxMessage, m); err != nil {
			return store.Message{}, false, err
		}
	}
	return m, true, nil
}

// resolveThread makes m.Thread the first message of the thread that m replies in, and
// returns that message.
func (t *tx) resolveThread(m *store.Message) (*store.Message, error) {
	root, err := t.message(m.Room, m.Thread)
	if err == nil && root.Thread != "" {
		root, err = t.message(m.Room, root.Thread)
	}
	if err != nil {
		return nil, err
	}
	m.Thread = root.ID
	return &root, nil
}

// updateReplies changes the Replies of a thread's first message after a reply was added
// (by is +1) or deleted (-1).
func (t *tx) updateReplies(room int64, root store.Message, by int) error {
	sum := store.Replies{}
	if root.Replies != nil {
		sum.Count = root.Replies.Count
	}
	sum.Count += by
	// Three different authors are shown; the newest 20 replies nearly always have them.
	err := querier(t.query).each(func(rows *sql.Rows) error {
		var u store.User
		var at int64
		if err := rows.Scan(&u.ID, &u.Name, &at); err != nil {
			return err
		}
		if sum.Last.IsZero() {
			sum.Last = timeOf(at)
		}
		if len(sum.People) < 3 && !slices.ContainsFunc(sum.People, func(p store.User) bool { return p.ID == u.ID }) {
			sum.People = append(sum.People, u)
		}
		return nil
	}, "SELECT usr, name, created_at FROM messages WHERE room = ? AND thread = ? AND thread <> '' AND NOT deleted ORDER BY seq DESC LIMIT 20", room, root.ID)
	if err != nil {
		return err
	}
	_, err = t.change(room, root.Seq, "replies = ?", jsonOrNull(sum, sum.Count > 0))
	return err
}

// addMentions stores whom a message mentions, for unread counts.
func (t *tx) addMentions(room int64, m store.Message) error {
	if m.Deleted {
		return nil
	}
	for _, mention := range m.Mentions {
		if _, err := t.exec("INSERT OR IGNORE INTO mentioned (room, usr, seq) VALUES (?, ?, ?)", room, mention.User, m.Seq); err != nil {
			return err
		}
	}
	return nil
}

// addToOutbox adds an outbox entry with the message.
func (t *tx) addToOutbox(kind string, m store.Message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO facts (kind, data) VALUES (?, ?)", kind, data)
	return err
}

// message reads one message; store.ErrNoMessage if there is none.
func (t *tx) message(room store.RoomID, id string) (store.Message, error) {
	return message(t.query, room, id)
}

// Limits of a page of messages.
const (
	defaultPage = 50
	maxPage     = 200
)

// pageSize returns a page's limit with its default and its maximum applied.
func pageSize(limit int) int {
	if limit <= 0 {
		limit = defaultPage
	}
	return min(limit, maxPage)
}

// Message implements store.Chat.
func (s *Store) Message(ctx context.Context, room store.RoomID, id string) (store.Message, error) {
	m, err := message(s.queryReader(ctx), room, id)
	return m, fail("message", err)
}

// queryReader returns a querier on any of the reading connections.
func (s *Store) queryReader(ctx context.Context) querier {
	return func(query string, args ...any) (*sql.Rows, error) { return s.readers.QueryContext(ctx, query, args...) }
}

func message(q querier, room store.RoomID, id string) (store.Message, error) {
	found, err := messages(q, room, "AND m.id = ?", id)
	switch {
	case err != nil:
		return store.Message{}, err
	case len(found) == 0:
		return store.Message{}, store.ErrNoMessage
	}
	return found[0], nil
}

// Messages implements store.Chat.
func (s *Store) Messages(ctx context.Context, room store.RoomID, p store.MessagePage) ([]store.Message, error) {
	where, args := "", []any{}
	if p.Thread != "" {
		where, args = " AND m.thread = ? AND m.thread <> ''", append(args, p.Thread)
	}
	if p.Before > 0 {
		where, args = where+" AND m.seq < ?", append(args, p.Before)
	}
	order := "DESC"
	if p.After != 0 {
		where, args, order = where+" AND m.seq > ?", append(args, p.After), "ASC"
	}
	args = append(args, pageSize(p.Limit))
	found, err := messages(s.queryReader(ctx), room, where+" ORDER BY m.seq "+order+" LIMIT ?", args...)
	if err != nil {
		return nil, fail("messages", err)
	}
	if order == "DESC" {
		slices.Reverse(found)
	}
	return found, nil
}

// Changes implements store.Chat.
func (s *Store) Changes(ctx context.Context, room store.RoomID, after store.Rev, limit int) ([]store.Message, error) {
	found, err := messages(s.queryReader(ctx), room, "AND m.rev > ? ORDER BY m.rev LIMIT ?", after, pageSize(limit))
	if err != nil {
		return nil, fail("changes", err)
	}
	return found, nil
}

// messages reads the messages of a room that rest, the end of the query, selects. It names
// the table m.
func messages(q querier, room store.RoomID, rest string, args ...any) ([]store.Message, error) {
	found := []store.Message{}
	err := q.each(func(rows *sql.Rows) error {
		m := store.Message{Room: room, Reactions: []store.Reaction{}}
		var quote, editor, reactions, replies sql.NullString
		var mentions string
		var created int64
		var edited sql.NullInt64
		if err := rows.Scan(&m.Seq, &m.ID, &m.User.ID, &m.User.Name, &m.Text, &m.Thread, &quote, &mentions, &created, &edited, &m.Deleted,
			&m.Rev, &m.Version, &editor, &reactions, &replies); err != nil {
			return err
		}
		if quote.Valid {
			m.Quote = json.RawMessage(quote.String)
		}
		for _, field := range []struct {
			text sql.NullString
			into any
		}{{sql.NullString{String: mentions, Valid: true}, &m.Mentions}, {editor, &m.EditedBy}, {reactions, &m.Reactions}, {replies, &m.Replies}} {
			if !field.text.Valid {
				continue
			}
			if err := json.Unmarshal([]byte(field.text.String), field.into); err != nil {
				return fmt.Errorf("message %d: %w", m.Seq, err)
			}
		}
		m.CreatedAt, m.EditedAt = timeOf(created), timePtr(edited)
		found = append(found, m)
		return nil
	}, "SELECT m.seq, m.id, m.usr, m.name, m.text, m.thread, m.quote, m.mentions, m.created_at, m.edited_at, m.deleted, m.rev, m.version, m.edited_by, m.reactions, m.replies"+
		" FROM rooms r JOIN messages m ON m.room = r.id WHERE r.name = ? "+rest, append([]any{room}, args...)...)
	return found, err
}

// LastSeq implements store.Chat.
func (s *Store) LastSeq(ctx context.Context, room store.RoomID) (seq store.Seq, err error) {
	return seq, fail("last seq", s.roomColumn(ctx, room, "last_seq", &seq))
}

// LastRev implements store.Chat.
func (s *Store) LastRev(ctx context.Context, room store.RoomID) (rev store.Rev, err error) {
	return rev, fail("last rev", s.roomColumn(ctx, room, "last_rev", &rev))
}

// roomColumn reads a column of the table rooms into dest. It leaves dest as it is for an
// unknown room.
func (s *Store) roomColumn(ctx context.Context, room store.RoomID, column string, dest any) error {
	err := s.readers.QueryRowContext(ctx, "SELECT "+column+" FROM rooms WHERE name = ?", room).Scan(dest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// jsonOrNull returns v as JSON text if keep is true, else NULL.
func jsonOrNull(v any, keep bool) any {
	if !keep {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always encode
	}
	return string(text)
}
