package sqlite

import (
	"context"
	"database/sql"

	"weft/server/store"
)

// System messages are rows of the table lines.

// AddSystemMessage implements store.Chat.
func (s *Store) AddSystemMessage(ctx context.Context, room store.RoomID, m store.SystemMessage) (stored store.SystemMessage, added bool, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		stored, added, err = t.addSystemMessage(room, m)
		return err
	})
	if err != nil {
		return store.SystemMessage{}, false, fail("add system message", err)
	}
	return stored, added, nil
}

func (t *tx) addSystemMessage(room store.RoomID, m store.SystemMessage) (store.SystemMessage, bool, error) {
	var id int64
	found, err := t.row("SELECT id, last_seq, 1 + coalesce((SELECT max(n) FROM lines WHERE room = rooms.id), 0) FROM rooms WHERE name = ?", []any{room}, &id, &m.After, &m.N)
	if err != nil || !found {
		return store.SystemMessage{}, false, err
	}
	m.At = timeOf(millis(m.At))
	suppress := 0 // not 0: the message is not worth storing
	switch m.Kind {
	case store.SystemJoined:
		_, err = t.row("SELECT count(*) > ? FROM (SELECT 1 FROM members WHERE room = ? LIMIT ?)", []any{store.MaxSystemMessages, id, store.MaxSystemMessages + 1}, &suppress)
	case store.SystemRenamed:
		_, err = t.row("SELECT count(*) FROM lines WHERE room = ? AND usr = ? AND kind = ? AND at > ?", []any{id, m.User.ID, m.Kind, millis(m.At.Add(-store.RenameQuiet))}, &suppress)
	}
	if err != nil || suppress > 0 {
		return store.SystemMessage{}, false, err
	}
	if _, err := t.exec("INSERT INTO lines (room, n, kind, usr, name, was, after, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		id, m.N, m.Kind, m.User.ID, m.User.Name, m.OldName, m.After, millis(m.At)); err != nil {
		return store.SystemMessage{}, false, err
	}
	_, err = t.exec("DELETE FROM lines WHERE room = ? AND n <= ?", id, m.N-store.MaxSystemMessages)
	return m, true, err
}

// SystemMessages implements store.Chat.
func (s *Store) SystemMessages(ctx context.Context, room store.RoomID) ([]store.SystemMessage, error) {
	list := []store.SystemMessage{}
	err := s.queryReader(ctx).each(func(rows *sql.Rows) error {
		var m store.SystemMessage
		var at int64
		err := rows.Scan(&m.N, &m.Kind, &m.User.ID, &m.User.Name, &m.OldName, &m.After, &at)
		m.At = timeOf(at)
		list = append(list, m)
		return err
	}, "SELECT l.n, l.kind, l.usr, l.name, l.was, l.after, l.at FROM rooms r JOIN lines l ON l.room = r.id WHERE r.name = ? ORDER BY l.n", room)
	if err != nil {
		return nil, fail("system messages", err)
	}
	return list, nil
}
