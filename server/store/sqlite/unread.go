package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"weft/server/store"
)

// ReadUpTo implements store.Chat.
func (s *Store) ReadUpTo(ctx context.Context, room store.RoomID, u store.User, seq store.Seq, at time.Time) (store.Unread, error) {
	if room == "" || u.ID == "" {
		return store.Unread{}, fail("read up to", errors.New("no room or no person"))
	}
	err := s.write(ctx, func(t *tx) error {
		var id int64
		var last store.Seq
		found, err := t.row("SELECT id, last_seq FROM rooms WHERE name = ?", []any{room}, &id, &last)
		if err != nil || !found {
			return err // a room that does not exist has nothing to read
		}
		_, err = t.exec("INSERT INTO members (room, usr, name, seen_at, read_seq) VALUES (?, ?, ?, ?, ?) ON CONFLICT (room, usr) DO UPDATE SET read_seq = excluded.read_seq WHERE excluded.read_seq > read_seq",
			id, u.ID, u.Name, millis(at), max(min(seq, last), 0))
		return err
	})
	if err != nil {
		return store.Unread{}, fail("read up to", err)
	}
	return s.Unread(ctx, room, u.ID)
}

// Unread implements store.Chat.
func (s *Store) Unread(ctx context.Context, room store.RoomID, user string) (unread store.Unread, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		var id int64
		switch err := tx.QueryRowContext(ctx, "SELECT r.id, r.last_seq, coalesce(m.read_seq, 0) FROM rooms r LEFT JOIN members m ON m.room = r.id AND m.usr = ? WHERE r.name = ?", user, room).Scan(&id, &unread.LastSeq, &unread.Read); {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		return countUnread(ctx, tx, id, user, &unread)
	})
	if err != nil {
		return store.Unread{}, fail("unread", err)
	}
	return unread, nil
}

// countUnread sets Count and Mentions for the messages after u.Read.
func countUnread(ctx context.Context, tx *sql.Tx, room int64, user string, u *store.Unread) error {
	if u.Read >= u.LastSeq {
		return nil
	}
	return tx.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM messages WHERE room = ?1 AND seq > ?2 AND usr <> ?3 AND NOT deleted LIMIT ?4)),
		(SELECT count(*) FROM (SELECT DISTINCT n.seq FROM mentioned n JOIN messages m ON m.room = n.room AND m.seq = n.seq
			WHERE n.room = ?1 AND n.usr IN ('', ?3) AND n.seq > ?2 AND m.usr <> ?3 LIMIT ?4))`,
		room, u.Read, user, store.MaxUnread).Scan(&u.Count, &u.Mentions)
}

// Limits of a page of rooms.
const (
	defaultRoomPage = 50
	maxRoomPage     = 100
)

// RoomsOf implements store.Chat.
func (s *Store) RoomsOf(ctx context.Context, user string, p store.RoomPage) ([]store.RoomUnread, error) {
	rooms := []store.RoomUnread{}
	err := s.read(ctx, func(tx *sql.Tx) error {
		where, args := "m.usr = ?", []any{user}
		if p.Prefix != "" {
			where, args = where+" AND substr(r.name, 1, length(?2)) = ?2", append(args, p.Prefix)
		}
		if p.After != "" {
			var seen, room int64
			switch err := tx.QueryRowContext(ctx, "SELECT m.seen_at, m.room FROM members m JOIN rooms r ON r.id = m.room WHERE m.usr = ? AND r.name = ?", user, p.After).Scan(&seen, &room); {
			case errors.Is(err, sql.ErrNoRows):
				return nil // the person has never been in p.After
			case err != nil:
				return err
			}
			where, args = where+" AND (m.seen_at < ? OR m.seen_at = ? AND m.room > ?)", append(args, seen, seen, room)
		}
		limit := p.Limit
		if limit <= 0 {
			limit = defaultRoomPage
		}
		args = append(args, min(limit, maxRoomPage))
		var ids []int64
		if err := queryIn(ctx, tx).each(func(rows *sql.Rows) error {
			var r store.RoomUnread
			var id int64
			var at sql.NullInt64
			err := rows.Scan(&id, &r.Room, &r.LastSeq, &r.Read, &at)
			r.UpdatedAt = timePtr(at)
			rooms, ids = append(rooms, r), append(ids, id)
			return err
		}, "SELECT r.id, r.name, r.last_seq, m.read_seq, (SELECT created_at FROM messages WHERE room = r.id AND seq = r.last_seq)"+
			" FROM members m JOIN rooms r ON r.id = m.room WHERE "+where+" ORDER BY m.seen_at DESC, m.room LIMIT ?", args...); err != nil {
			return err
		}
		for i := range rooms {
			if err := countUnread(ctx, tx, ids[i], user, &rooms[i].Unread); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fail("rooms of a person", err)
	}
	return rooms, nil
}
