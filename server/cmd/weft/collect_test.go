package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestSmallHeapsMayGrow: to heapFloor, and no further than twice what is live.
func TestSmallHeapsMayGrow(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	c := &collector{percent: 100}
	c.ended.Store(true) // a collection meanwhile changes nothing
	runtime.GC()
	c.tune()
	if live := value("/gc/heap/live:bytes"); live < heapFloor/4 && c.percent < 250 {
		t.Errorf("%d bytes are live and the heap may grow by %d %%", live, c.percent)
	}
	large := make([]*[1 << 20]byte, 2*heapFloor>>20)
	for i := range large {
		large[i] = new([1 << 20]byte)
	}
	runtime.GC()
	c.tune()
	if c.percent != 100 {
		t.Errorf("%d bytes are live and the heap may grow by %d %%", value("/gc/heap/live:bytes"), c.percent)
	}
	runtime.KeepAlive(large)
}

// TestCollectEnds: what it started is over when stop returns.
func TestCollectEnds(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	collect(t.Context())()
}
