// Package presencetest is the conformance suite of presence.Tracker: tests that every
// tracker must pass.
package presencetest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Clock is the time that the suite runs in.
type Clock struct {
	// Grace is the grace period that the tracker is made with.
	Grace time.Duration
	// Run runs the body of one test.
	Run func(t *testing.T, body func(t *testing.T))
	// Advance lets time pass.
	Advance func(d time.Duration)
	// Settle waits until the effects of calls and of passed time are complete,
	// including the calls of watchers.
	Settle func()
	// Exact reports whether Advance is precise. Then the moments just before and
	// after a deadline are tested, and not only the final state.
	Exact bool
}

// Virtual is time inside a synctest bubble: exact, and passing at once. It is for
// trackers of one process that do no input or output.
func Virtual() Clock {
	return Clock{
		Grace:   5 * time.Second,
		Run:     synctest.Test,
		Advance: time.Sleep,
		Settle:  synctest.Wait,
		Exact:   true,
	}
}

// Real is real time, for trackers that talk to a server. settle is how long a diff
// may take.
func Real(grace, settle time.Duration) Clock {
	return Clock{
		Grace:   grace,
		Run:     func(t *testing.T, body func(t *testing.T)) { body(t) },
		Advance: time.Sleep,
		Settle:  func() { time.Sleep(settle) },
	}
}
