package ws

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestConnectionWithoutHelloIsClosed after helloWait, and not before.
func TestConnectionWithoutHelloIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reached atomic.Value
		c := &conn{door: &Door{limits: limits{onLimit: func(limit string) { reached.Store(limit) }}}}
		n := &native{conn: c}
		closed := func() bool {
			synctest.Wait()
			c.out.mu.Lock()
			defer c.out.mu.Unlock()
			return c.out.closed
		}
		n.opened()
		if time.Sleep(helloWait - 1); closed() || reached.Load() != nil {
			t.Errorf("closed before %s, or counted as %v", helloWait, reached.Load())
		}
		if time.Sleep(time.Nanosecond); !closed() || reached.Load() != "hello-wait" {
			t.Errorf("not closed after %s, or counted as %v", helloWait, reached.Load())
		}
		n.closed()
	})
}
