package sqlite

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// lock makes this process the only owner of the data file at path. It locks a
// file beside it: SQLite's own locks on the data file would be dropped by
// anybody in this process closing it. Closing the result releases the lock; the
// file stays, since removing it would let two processes lock two files of the
// same name.
func lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := acquire(f); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("%s is in use by process %s: stop that one or choose another data folder (lock %s.lock: %w)",
			path, ownerName(owner), path, err)
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}

func ownerName(b []byte) string {
	if s := strings.TrimSpace(string(b)); s != "" {
		return s
	}
	return "(unknown)"
}
