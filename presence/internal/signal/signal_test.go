package signal

import "testing"

func TestSignalsBeforeALookAreOne(t *testing.T) {
	s := New()
	for range 3 {
		s.Set()
	}
	<-s
	select {
	case <-s:
		t.Error("the signal is still set after it was received once")
	default:
	}
}
