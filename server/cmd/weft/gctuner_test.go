package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestSmallHeapMayGrowToTheFloor and a large one to twice what is live.
func TestSmallHeapMayGrowToTheFloor(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	g := &gcTuner{percent: 100}
	g.stopped.Store(true) // a collection during the test does not call tune
	runtime.GC()
	g.tune()
	if live := readMetric("/gc/heap/live:bytes"); live < heapFloor/4 && g.percent < 250 {
		t.Errorf("%d bytes are live: the heap may grow by %d %%, want 250 %% or more", live, g.percent)
	}
	large := make([]*[1 << 20]byte, 2*heapFloor>>20)
	for i := range large {
		large[i] = new([1 << 20]byte)
	}
	runtime.GC()
	g.tune()
	if g.percent != 100 {
		t.Errorf("%d bytes are live: the heap may grow by %d %%, want 100 %%", readMetric("/gc/heap/live:bytes"), g.percent)
	}
	runtime.KeepAlive(large)
}

// gcPercent returns the percentage in force.
func gcPercent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// collections runs some collections and gives their cleanups time to run: those run one
// after the other, so one that was added later comes last.
func collections() {
	for range 3 {
		done := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(done chan struct{}) { close(done) }, done)
		for open := true; open; {
			runtime.GC()
			select {
			case <-done:
				open = false
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// TestStoppedTunerChangesNothing: when stop has returned, no goroutine is left and
// collections do not change the percentage any more.
func TestStoppedTunerChangesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	runtime.GC() // the live heap is that of the last collection
	stop := startGCTuner(t.Context(), "auto")
	if gcPercent() == 100 {
		t.Error("the heap of a small program may grow by 100 %: the tuner has not started")
	}
	stop()
	debug.SetGCPercent(123)
	collections()
	if p := gcPercent(); p != 123 {
		t.Errorf("the percentage is %d after stop, want 123", p)
	}
}

// TestTunerIsSwitchedOff by --gc go and by GOGC.
func TestTunerIsSwitchedOff(t *testing.T) {
	before := debug.SetGCPercent(123)
	defer debug.SetGCPercent(before)
	for _, off := range []struct{ mode, gogc string }{{"go", ""}, {"auto", "123"}} {
		t.Setenv("GOGC", off.gogc)
		stop := startGCTuner(t.Context(), off.mode)
		collections()
		if p := gcPercent(); p != 123 {
			t.Errorf("--gc %s and GOGC=%q: the percentage is %d, want 123", off.mode, off.gogc, p)
		}
		stop()
	}
}
