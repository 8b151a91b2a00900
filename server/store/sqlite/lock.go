package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// owned is a data file that this process has locked.
type owned struct{ f *os.File }

// Close unlocks the file. Closing it would not be enough: a child process that is being
// forked at this moment holds the lock until it executes its program.
func (o owned) Close() error {
	return errors.Join(release(o.f), o.f.Close())
}

// lock makes this process the only owner of the data file at path, or fails at once. It
// locks a file beside it, path.lock, which does not interfere with SQLite's own locks. That
// file is never removed: otherwise two processes could lock two files of the same name.
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

// ownerName returns the process id in a lock file, for an error message.
func ownerName(b []byte) string {
	if s := strings.TrimSpace(string(b)); s != "" {
		return s
	}
	return "(unknown)"
}
