//go:build unix

package crdt_test

import (
	"syscall"
	"time"
)

// busy returns the CPU time of this process so far. Costs are measured by it, as the clock
// on the wall counts others' work too.
func busy() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
