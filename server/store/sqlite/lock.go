package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// owned is a data file that belongs to this process.
type owned struct{ f *os.File }

// Close lets others have the file. It says so explicitly: closing alone would
// leave the lock to a process that is being forked off at this moment.
func (o owned) Close() error {
	return errors.Join(release(o.f), o.f.Close())
}

// lock makes this process the only owner of the data file at path. What it locks
// is a file beside it, out of the way of SQLite's own locks. That file stays when
// it is released: removing it would let two processes lock two files of one name.
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
	return owned{f}, nil
}

func ownerName(b []byte) string {
	if s := strings.TrimSpace(string(b)); s != "" {
		return s
	}
	return "(unknown)"
}
