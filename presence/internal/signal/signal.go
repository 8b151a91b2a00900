// Package signal has the channel that tells a goroutine that it has work.
package signal

// Signal is a flag that one goroutine waits for with <-s and that any other sets.
// Signals that are set before the goroutine looks are one signal, so the goroutine
// must do all the work that there is, and not one piece for each signal.
type Signal chan struct{}

// New returns a signal that is not set.
func New() Signal { return make(Signal, 1) }

// Set sets the signal. It never blocks.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}
