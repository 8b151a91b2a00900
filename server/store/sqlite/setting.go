package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Setting implements store.Store.
func (s *Store) Setting(ctx context.Context, key string, make func() ([]byte, error)) (value []byte, err error) {
	err = s.readers.QueryRowContext(ctx, "SELECT value FROM settings WHERE key = ?", key).Scan(&value)
	if !errors.Is(err, sql.ErrNoRows) {
		return value, fail("setting", err)
	}
	// Made before the transaction, which waits for nobody. Of several callers
	// that get here the first one's value stays.
	made, err := make()
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
