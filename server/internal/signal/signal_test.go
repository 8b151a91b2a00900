package signal

import (
	"sync"
	"testing"
)

// TestManySetsAreOneWakeUp: Set never blocks, and calls before the receiver looks are one
// token.
func TestManySetsAreOneWakeUp(t *testing.T) {
	s := New()
	if s.IsSet() {
		t.Error("a new signal is set")
	}
	for range 3 {
		s.Set()
	}
	if !s.IsSet() {
		t.Error("not set after Set")
	}
	<-s.C()
	select {
	case <-s.C():
		t.Error("three calls of Set made two wake-ups")
	default:
	}
	if s.IsSet() {
		t.Error("set after the token was received")
	}
}

// TestZeroSignalIsNeverSet: Set on the zero value does nothing and does not block.
func TestZeroSignalIsNeverSet(t *testing.T) {
	var s Signal
	s.Set()
	if s.IsSet() {
		t.Error("the zero signal is set")
	}
}

// TestNoWakeUpIsLost: a receiver that reads the data after each token sees the last change
// of every sender.
func TestNoWakeUpIsLost(t *testing.T) {
	const senders, each = 4, 1000
	s := New()
	var mu sync.Mutex
	sum := 0
	for range senders {
		go func() {
			for range each {
				mu.Lock()
				sum++
				mu.Unlock()
				s.Set()
			}
		}()
	}
	for seen := 0; seen < senders*each; {
		<-s.C()
		mu.Lock()
		seen = sum
		mu.Unlock()
	}
}
