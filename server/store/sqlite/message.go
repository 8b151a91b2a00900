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

const maxMessageID = 64

// PostMessage implements store.Store.
func (s *Store) PostMessage(ctx context.Context, m store.Message, fact bool) (stored store.Message, created bool, err error) {
	if m.Room == "" || m.ID == "" || len(m.ID) > maxMessageID {
		return store.Message{}, false, fail("post message", fmt.Errorf("room %q, id %q", m.Room, m.ID))
	}
	m = normal(m)
	err = s.write(ctx, func(t *tx) (err error) {
		stored, created, err = t.post(m, fact)
		return err
	})
	if err != nil {
		return store.Message{}, false, fail("post message", err)
	}
	return stored, created, nil
}

// normal is m as it will be read back: a new message has no reactions, lists
// are not nil, times are UTC in whole milliseconds.
func normal(m store.Message) store.Message {
	m.Mentions = append([]store.Mention{}, m.Mentions...)
	m.Reactions = []store.Reaction{}
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

func (t *tx) post(m store.Message, fact bool) (store.Message, bool, error) {
	known, err := messages(t.query, m.Room, "AND m.id = ?", m.ID)
	switch {
	case err != nil:
		return store.Message{}, false, err
	case len(known) > 0 && known[0].User.ID != m.User.ID:
		return store.Message{}, false, fmt.Errorf("%w: message %q", store.ErrConflict, m.ID)
	case len(known) > 0:
		return known[0], false, nil
	}
	mentions, err := json.Marshal(m.Mentions)
	if err != nil {
		return store.Message{}, false, err
	}
	var room int64
	if _, err := t.row("INSERT INTO rooms (name, last_seq) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last_seq = last_seq + 1 RETURNING id, last_seq",
		[]any{m.Room}, &room, &m.Seq); err != nil {
		return store.Message{}, false, err
	}
	var quote any // NULL if there is none
	if m.Quote != nil {
		quote = string(m.Quote)
	}
	if _, err := t.exec("INSERT INTO messages (room, seq, id, usr, name, text, thread, quote, mentions, created_at, edited_at, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		room, m.Seq, m.ID, m.User.ID, m.User.Name, m.Text, m.Thread, quote, string(mentions), millis(m.CreatedAt), millisPtr(m.EditedAt), m.Deleted); err != nil {
		return store.Message{}, false, err
	}
	if fact {
		data, err := json.Marshal(m)
		if err != nil {
			return store.Message{}, false, err
		}
		if _, err := t.exec("INSERT INTO facts (kind, data) VALUES ('message', ?)", data); err != nil {
			return store.Message{}, false, err
		}
	}
	return m, true, nil
}

// Limits of a page of messages.
const (
	defaultPage = 50
	maxPage     = 200
)

// Messages implements store.Store.
func (s *Store) Messages(ctx context.Context, room store.RoomID, p store.MessagePage) ([]store.Message, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	where, args := "", []any{}
	if p.Before > 0 {
		where, args = where+" AND m.seq < ?", append(args, p.Before)
	}
	order := "DESC"
	if p.After != 0 {
		where, args, order = where+" AND m.seq > ?", append(args, p.After), "ASC"
	}
	args = append(args, min(limit, maxPage))
	q := func(query string, args ...any) (*sql.Rows, error) { return s.readers.QueryContext(ctx, query, args...) }
	found, err := messages(q, room, where+" ORDER BY m.seq "+order+" LIMIT ?", args...)
	if err != nil {
		return nil, fail("messages", err)
	}
	if order == "DESC" {
		slices.Reverse(found)
	}
	return found, nil
}

// messages reads those of a room that the rest of the query selects.
func messages(q querier, room store.RoomID, rest string, args ...any) ([]store.Message, error) {
	found := []store.Message{}
	err := q.each(func(rows *sql.Rows) error {
		m := store.Message{Room: room, Reactions: []store.Reaction{}}
		var quote sql.NullString
		var mentions string
		var created int64
		var edited sql.NullInt64
		if err := rows.Scan(&m.Seq, &m.ID, &m.User.ID, &m.User.Name, &m.Text, &m.Thread, &quote, &mentions, &created, &edited, &m.Deleted); err != nil {
			return err
		}
		if quote.Valid {
			m.Quote = json.RawMessage(quote.String)
		}
		if err := json.Unmarshal([]byte(mentions), &m.Mentions); err != nil {
			return fmt.Errorf("mentions of message %d: %w", m.Seq, err)
		}
		m.CreatedAt, m.EditedAt = timeOf(created), timePtr(edited)
		found = append(found, m)
		return nil
	}, "SELECT m.seq, m.id, m.usr, m.name, m.text, m.thread, m.quote, m.mentions, m.created_at, m.edited_at, m.deleted"+
		" FROM rooms r JOIN messages m ON m.room = r.id WHERE r.name = ? "+rest, append([]any{room}, args...)...)
	return found, err
}

// LastSeq implements store.Store.
func (s *Store) LastSeq(ctx context.Context, room store.RoomID) (seq store.Seq, err error) {
	err = s.readers.QueryRowContext(ctx, "SELECT last_seq FROM rooms WHERE name = ?", room).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, fail("last seq", err)
}
