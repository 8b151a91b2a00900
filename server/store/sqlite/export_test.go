package sqlite

import "context"

// Exec runs one statement behind the store's back, on its writing connection.
func (s *Store) Exec(query string, args ...any) error {
	return s.write(context.Background(), func(t *tx) error {
		_, err := t.exec(query, args...)
		return err
	})
}

// Int reads one number.
func (s *Store) Int(query string, args ...any) (n int, err error) {
	err = s.readers.QueryRow(query, args...).Scan(&n)
	return n, err
}
