package sqlite

import (
	"context"
	"database/sql"

	"weft/server/store"
)

// AddLine implements store.Chat.
func (s *Store) AddLine(ctx context.Context, room store.RoomID, l store.Line) (stored store.Line, added bool, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		stored, added, err = t.line(room, l)
		return err
	})
	if err != nil {
		return store.Line{}, false, fail("add line", err)
	}
	return stored, added, nil
}

func (t *tx) line(room store.RoomID, l store.Line) (store.Line, bool, error) {
	var id int64
	found, err := t.row("SELECT id, last_seq, 1 + coalesce((SELECT max(n) FROM lines WHERE room = rooms.id), 0) FROM rooms WHERE name = ?", []any{room}, &id, &l.After, &l.N)
	if err != nil || !found {
		return store.Line{}, false, err
	}
	l.At = timeOf(millis(l.At))
	noise := 0
	switch l.Kind {
	case store.LineJoined:
		_, err = t.row("SELECT count(*) > ? FROM (SELECT 1 FROM members WHERE room = ? LIMIT ?)", []any{store.MaxLines, id, store.MaxLines + 1}, &noise)
	case store.LineRenamed:
		_, err = t.row("SELECT count(*) FROM lines WHERE room = ? AND usr = ? AND kind = ? AND at > ?", []any{id, l.User.ID, l.Kind, millis(l.At.Add(-store.RenameQuiet))}, &noise)
	}
	if err != nil || noise > 0 {
		return store.Line{}, false, err
	}
	if _, err := t.exec("INSERT INTO lines (room, n, kind, usr, name, was, after, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		id, l.N, l.Kind, l.User.ID, l.User.Name, l.Before, l.After, millis(l.At)); err != nil {
		return store.Line{}, false, err
	}
	_, err = t.exec("DELETE FROM lines WHERE room = ? AND n <= ?", id, l.N-store.MaxLines)
	return l, true, err
}

// Lines implements store.Chat.
func (s *Store) Lines(ctx context.Context, room store.RoomID) ([]store.Line, error) {
	lines := []store.Line{}
	err := s.reading(ctx).each(func(rows *sql.Rows) error {
		var l store.Line
		var at int64
		err := rows.Scan(&l.N, &l.Kind, &l.User.ID, &l.User.Name, &l.Before, &l.After, &at)
		l.At = timeOf(at)
		lines = append(lines, l)
		return err
	}, "SELECT l.n, l.kind, l.usr, l.name, l.was, l.after, l.at FROM rooms r JOIN lines l ON l.room = r.id WHERE r.name = ? ORDER BY l.n", room)
	if err != nil {
		return nil, fail("lines", err)
	}
	return lines, nil
}
