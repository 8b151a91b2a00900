//go:build unix

package main

import "syscall"

// cpuTime returns the CPU time of this process so far, in ms, of all threads.
func cpuTime() float64 {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
