// Package presencetest is what every presence.Tracker has to pass.
package presencetest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Clock is the time that a suite runs in.
type Clock struct {
	// Grace is the grace period asked of the tracker.
	Grace time.Duration
	// Run runs the body of one test.
	Run func(t *testing.T, body func(t *testing.T))
	// Advance lets time pass.
	Advance func(d time.Duration)
	// Settle waits until everything that time and calls have set off has
	// happened, watchers included.
	Settle func()
	// Exact says that Advance is precise, so that moments near a deadline can
	// be checked and not only what follows long after.
	Exact bool
}

// Virtual is time inside a synctest bubble: exact and free. For trackers that
// live in one process and do no input or output.
func Virtual() Clock {
	return Clock{
		Grace:   5 * time.Second,
		Run:     synctest.Test,
		Advance: time.Sleep,
		Settle:  synctest.Wait,
		Exact:   true,
	}
}

// Real is time on the wall, for trackers that talk to a server. settle is how
// long news may take.
func Real(grace, settle time.Duration) Clock {
	return Clock{
		Grace:   grace,
		Run:     func(t *testing.T, body func(t *testing.T)) { body(t) },
		Advance: time.Sleep,
		Settle:  func() { time.Sleep(settle) },
	}
}
