package sqlite

import (
	"context"
	"errors"
	"time"

	"weft/server/store"
)

const maxMembers = 1000 // that are listed

// TouchMember implements store.Store.
func (s *Store) TouchMember(ctx context.Context, room store.RoomID, u store.User, at time.Time) (oldName string, err error) {
	if room == "" || u.ID == "" {
		return "", fail("touch member", errors.New("no room or no person"))
	}
	err = s.write(ctx, func(t *tx) error {
		oldName = "" // run may be called twice
		var id int64
		var last store.Seq
		found, err := t.row("SELECT id, last_seq FROM rooms WHERE name = ?", []any{room}, &id, &last)
		if err == nil && !found {
			_, err = t.row("INSERT INTO rooms (name, last_seq) VALUES (?, 0) RETURNING id", []any{room}, &id)
		}
		if err != nil {
			return err
		}
		if _, err := t.row("SELECT name FROM members WHERE room = ? AND usr = ?", []any{id, u.ID}, &oldName); err != nil {
			return err
		}
		// A touch older than the stored one changes nothing.
		_, err = t.exec("INSERT INTO members (room, usr, name, seen_at, read_seq) VALUES (?, ?, ?, ?, ?) ON CONFLICT (room, usr) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at WHERE excluded.seen_at >= seen_at",
			id, u.ID, u.Name, millis(at), last)
		return err
	})
	return oldName, fail("touch member", err)
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, room store.RoomID) ([]store.User, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT m.usr, m.name FROM rooms r JOIN members m ON m.room = r.id WHERE r.name = ? ORDER BY m.seen_at DESC, m.usr LIMIT ?", room, maxMembers)
	if err != nil {
		return nil, fail("members", err)
	}
	defer rows.Close()
	var users []store.User
	for rows.Next() {
		var u store.User
		if err := rows.Scan(&u.ID, &u.Name); err != nil {
			return nil, fail("members", err)
		}
		users = append(users, u)
	}
	return users, fail("members", rows.Err())
}
