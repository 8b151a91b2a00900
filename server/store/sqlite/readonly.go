package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"weft/server/store"
)

// OpenReadOnly opens a data file for reading, also while a server has it open. It reads
// everything that was durable when it was opened, and perhaps later writes. Writing to it
// fails with ErrClosed. A file in an older format is refused: Open has to upgrade it.
func OpenReadOnly(path string, opts Options) (*Store, error) {
	s, err := openReadOnly(path, opts)
	if err != nil {
		return nil, fail("open read-only", fmt.Errorf("%s: %w", path, err))
	}
	return s, nil
}

func openReadOnly(path string, opts Options) (_ *Store, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path) // SQLite would create a file that is missing
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	s := newStore(path, opts)
	close(s.stop) // there is no writer: writes fail at once
	close(s.done)
	defer func() {
		if err != nil {
			s.readers.Close()
		}
	}()
	ctx := context.Background()
	version, err := formatOf(ctx, s.readers)
	if err != nil {
		return nil, err
	}
	if known := len(migrations()); version < known {
		return nil, fmt.Errorf("the file has format %d, this version reads format %d: start the server on it once to upgrade it", version, known)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// One transaction reads all of the index as of one moment: a server may be writing.
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	if _, err := s.index.load(ctx, conn); err != nil {
		return nil, err
	}
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return s, err
}

// Rooms lists the rooms that have a document, a chat or both, in order of name.
func (s *Store) Rooms(ctx context.Context) (rooms []store.RoomID, err error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT room FROM docs UNION SELECT name FROM rooms ORDER BY 1")
	if err != nil {
		return nil, fail("rooms", err)
	}
	defer rows.Close()
	for rows.Next() {
		var room store.RoomID
		if err := rows.Scan(&room); err != nil {
			return nil, fail("rooms", err)
		}
		rooms = append(rooms, room)
	}
	return rooms, fail("rooms", rows.Err())
}

// Verify reads all documents, checking their checksums, and has SQLite check its
// tables (quick_check). It returns how many rooms there are and one error for each
// damage found. err says that the check itself has failed.
func (s *Store) Verify(ctx context.Context) (rooms int, damaged []error, err error) {
	if found := s.Damage(); found != nil {
		damaged = append(damaged, found)
	}
	all, err := s.Rooms(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, room := range all {
		switch err := s.verify(ctx, room); {
		case errors.Is(err, store.ErrCorrupt):
			damaged = append(damaged, fmt.Errorf("room %q: %w", room, err))
		case err != nil:
			return 0, nil, err
		}
	}
	var result string
	if err := s.readers.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return 0, nil, fail("verify", err)
	}
	if result != "ok" {
		damaged = append(damaged, fmt.Errorf("%w: the file: %s", store.ErrCorrupt, result))
	}
	return len(all), damaged, nil
}

// verifyBytes is how many bytes of a log are read at once.
const verifyBytes = 1 << 20

// verify reads all of a document, part by part.
func (s *Store) verify(ctx context.Context, room store.RoomID) error {
	part := store.Doc{}
	for more := true; more; {
		var err error
		if part, more, err = s.LoadPart(ctx, room, part.Through, verifyBytes); err != nil {
			return err
		}
	}
	return nil
}
