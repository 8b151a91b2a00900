package sqlite

import (
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// acquire takes the lock or fails at once. It locks one byte far behind the
// process id, so that the id can still be read.
func acquire(f *os.File) error {
	const failImmediately, exclusive = 1, 2
	at := syscall.Overlapped{Offset: 1 << 30}
	ok, _, err := lockFileEx.Call(f.Fd(), failImmediately|exclusive, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok == 0 {
		return err
	}
	return nil
}

// release does nothing: closing f unlocks it, as no other process inherits the handle.
func release(*os.File) error { return nil }
