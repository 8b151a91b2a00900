//go:build unix

package sqlite

import (
	"os"
	"syscall"
)

// acquire takes the lock or fails at once.
func acquire(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// release unlocks f.
func release(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
}
