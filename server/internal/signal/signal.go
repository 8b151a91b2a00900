// Package signal holds the wake-up that goroutines send each other when there is
// something new to look at.
package signal

// A Signal wakes one receiver. It holds at most one token, so any number of calls of
// Set before the receiver looks are one wake-up:
//
//	Set, Set, Set ──▶ [ token ] ──▶ <-C(): the receiver looks once, at everything
//
// The order that loses no wake-up: the sender changes the data and then calls Set; the
// receiver receives from C and then reads the data. A receiver may be woken when there is
// nothing new, and must look before it acts.
//
// All methods are safe for concurrent use. A Signal is a small value; its copies are the
// same signal. The zero Signal is never set: a receive from C blocks forever.
type Signal struct{ token chan struct{} }

// New returns a signal that is not set.
func New() Signal { return Signal{make(chan struct{}, 1)} }

// Set puts the token in, if it is not there. It never blocks.
func (s Signal) Set() {
	select {
	case s.token <- struct{}{}:
	default:
	}
}

// C returns the channel that the receiver takes the token from.
func (s Signal) C() <-chan struct{} { return s.token }

// IsSet reports whether the token is there, that is, whether nobody has received it since
// the last Set.
func (s Signal) IsSet() bool { return len(s.token) > 0 }
