package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// TestUnwritableFilesMakeRoomsReadOnly checks the same as
// TestUnwritableStoreMakesRoomsReadOnly for a file system that has become read-only. A file
// size limit of 0 simulates it: every write to a file fails.
func TestUnwritableFilesMakeRoomsReadOnly(t *testing.T) {
	t.Parallel()
	var before syscall.Rlimit
	var limited *process
	testDiskFailure(t, filepath.Join(t.TempDir(), "data"), nil, func(p *process) {
		limited, before = p, setFileSizeLimit(t, p, nil)
		setFileSizeLimit(t, p, &syscall.Rlimit{Cur: 0, Max: before.Max})
	}, func() { setFileSizeLimit(t, limited, &before) })
}

// setFileSizeLimit sets the file size limit of the process, unless to is nil, and returns
// the previous limit.
func setFileSizeLimit(t *testing.T, p *process, to *syscall.Rlimit) (before syscall.Rlimit) {
	t.Helper()
	_, _, err := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(&before)), 0, 0)
	if err != 0 {
		t.Fatal("prlimit:", err)
	}
	return before
}
