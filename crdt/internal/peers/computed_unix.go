//go:build unix

package main

import "syscall"

// computed is how long this process has computed so far, in ms.
func computed() float64 {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
