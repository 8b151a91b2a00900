package sqlite

import (
	"context"

	"weft/server/store"
)

// Facts implements store.Store.
func (s *Store) OutboxEntries(ctx context.Context, limit int) ([]store.OutboxEntry, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT id, kind, data FROM facts ORDER BY id LIMIT ?", max(limit, 0))
	if err != nil {
		return nil, fail("facts", err)
	}
	defer rows.Close()
	var facts []store.OutboxEntry
	for rows.Next() {
		var f store.OutboxEntry
		if err := rows.Scan(&f.ID, &f.Kind, &f.Data); err != nil {
			return nil, fail("facts", err)
		}
		facts = append(facts, f)
	}
	return facts, fail("facts", rows.Err())
}

// DeleteOutboxEntry implements store.Store.
func (s *Store) DeleteOutboxEntry(ctx context.Context, id int64) error {
	return fail("done fact", s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM facts WHERE id = ?", id)
		return err
	}))
}
