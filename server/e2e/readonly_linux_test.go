package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// TestFilesThatTakeNothing promises what TestStoreThatCannotBeWritten does, of a
// file system that has become read-only: no write to any file is taken. A file
// size limit of 0 makes it so.
func TestFilesThatTakeNothing(t *testing.T) {
	t.Parallel()
	var before syscall.Rlimit
	var limited *process
	failing(t, filepath.Join(t.TempDir(), "data"), nil, func(p *process) {
		limited, before = p, fileSize(t, p, nil)
		fileSize(t, p, &syscall.Rlimit{Cur: 0, Max: before.Max})
	}, func() { fileSize(t, limited, &before) })
}

// fileSize sets a process's file size limit, and returns what it was.
func fileSize(t *testing.T, p *process, to *syscall.Rlimit) (before syscall.Rlimit) {
	t.Helper()
	_, _, err := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(&before)), 0, 0)
	if err != 0 {
		t.Fatal("prlimit:", err)
	}
	return before
}
