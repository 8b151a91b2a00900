//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileSizeSignal makes a write beyond the process's file size limit (RLIMIT_FSIZE)
// return an error, as a full disk does. By default SIGXFSZ would end the process.
func ignoreFileSizeSignal() { signal.Ignore(syscall.SIGXFSZ) }
