package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Setting implements store.Store.
func (s *Store) Setting(ctx context.Context, key string, makeValue func() ([]byte, error)) (value []byte, err error) {
	err = s.readers.QueryRowContext(ctx, "SELECT value FROM settings WHERE key = ?", key).Scan(&value)
	if !errors.Is(err, sql.ErrNoRows) {
		return value, fail("setting", err)
	}
	// The value is made before the transaction, which must not wait. If several callers
	// make one, the value of the first to commit is kept.
	made, err := makeValue()
	if err != nil {
		return nil, fail("setting", err)
	}
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", key, append([]byte{}, made...)); err != nil {
			return err
		}
		_, err := t.row("SELECT value FROM settings WHERE key = ?", []any{key}, &value)
		return err
	})
	if err != nil {
		return nil, fail("setting", err)
	}
	return value, nil
}

// PutSetting implements store.Store.
func (s *Store) PutSetting(ctx context.Context, key string, value []byte) error {
	return fail("put setting", s.write(ctx, func(t *tx) error {
		if value == nil {
			_, err := t.exec("DELETE FROM settings WHERE key = ?", key)
			return err
		}
		_, err := t.exec("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
		return err
	}))
}

// Settings implements store.Store.
func (s *Store) Settings(ctx context.Context, prefix string) (map[string][]byte, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT key, value FROM settings WHERE substr(key, 1, length(?1)) = ?1", prefix)
	if err != nil {
		return nil, fail("settings", err)
	}
	defer rows.Close()
	all := map[string][]byte{}
	for rows.Next() {
		var key string
		var value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return nil, fail("settings", err)
		}
		all[key] = value
	}
	return all, fail("settings", rows.Err())
}
