package ws

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// TestMessagesOverARateWait: a burst passes at once, and what exceeds the rate is delayed
// and not lost.
func TestMessagesOverARateWait(t *testing.T) {
	for limit, c := range map[string]struct {
		burst int
		rate  int // per second
		wait  func(*limiters)
	}{
		"updates":   {200, 60, (*limiters).waitUpdate},
		"awareness": {400, 200, (*limiters).waitAwareness},
		"requests":  {100, 10, (*limiters).waitRequest},
		"bytes":     {2 << 10, 256, func(l *limiters) { l.waitBytes(1 << 10) }},
	} {
		t.Run(limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reached := map[string]int{}
				var l limiters
				l.init(*countingLimits(DefaultLimits(), reached))
				begun := time.Now()
				for range c.burst {
					c.wait(&l)
				}
				if took := time.Since(begun); took != 0 {
					t.Errorf("a burst of %d took %s, want 0", c.burst, took)
				}
				if len(reached) > 0 {
					t.Errorf("limits reached by a burst: %v, want none", reached)
				}
				c.wait(&l)
				if time.Since(begun) == 0 {
					t.Errorf("message %d did not wait", c.burst+1)
				}
				if want := map[string]int{limit: 1}; !maps.Equal(reached, want) {
					t.Errorf("limits reached: %v, want %v", reached, want)
				}
				for range 10*c.rate - 1 {
					c.wait(&l)
				}
				if took := time.Since(begun); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
					t.Errorf("%d messages over the burst took %s, want 10 s", 10*c.rate, took)
				}
			})
		})
	}
}

// TestLargeStep2WaitsLessThanAPongMay but not nothing either.
func TestLargeStep2WaitsLessThanAPongMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiters
		l.init(*countingLimits(DefaultLimits(), nil))
		l.waitBytes(DefaultLimits().Answer)
		for range 3 {
			begun := time.Now()
			l.waitBytes(DefaultLimits().Answer)
			if took := time.Since(begun); took < 5*time.Second || took > pongWait/2 {
				t.Errorf("a step 2 of the largest size waited %s, want 5 s to %s", took, pongWait/2)
			}
		}
	})
}

// TestRequestsOfAReconnectDoNotWait: a client that reconnects to 32 rooms is not delayed.
// One that requests whole documents all the time is, but not long enough to miss a ping.
func TestRequestsOfAReconnectDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, l := time.Now(), &limiters{}
		l.init(*countingLimits(DefaultLimits(), nil))
		for range 1 + 3*32 {
			l.waitRequest()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the requests of a reconnect waited %v, want 0", waited)
		}
		for range 100 {
			before := time.Now()
			l.waitRequest()
			if waited := time.Since(before); waited > time.Second {
				t.Fatalf("one request waited %v, want at most 1 s", waited)
			}
		}
		if took := time.Since(start); took < 9*time.Second {
			t.Errorf("197 requests took %v, want at least 9 s", took)
		}
	})
}
