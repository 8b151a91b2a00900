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

// Hang makes a commit that does not end before until is closed. It returns when
// that has begun.
func (s *Store) Hang(until <-chan struct{}) (ended <-chan error) {
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.write(context.Background(), func(*tx) error {
			close(begun)
			<-until
			return nil
		})
	}()
	<-begun
	return done
}
