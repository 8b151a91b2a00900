package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// gcTuner steers Go's garbage collector by debug.SetGCPercent and
// debug.FreeOSMemory. It is one decision with three parts:
//
//   - A heap below heapFloor is not collected. Go's default would collect it several
//     times while a document is loaded. Joining a document of 260,000 edits right after
//     a start takes about half as long without a collection in the middle.
//   - With more than crowdGoroutines the floor is crowdFloor. Then the heap consists of
//     many small objects that stay, with garbage between them. Early collections make
//     that garbage usable again: about 1 kB less for each idle connection.
//   - When almost nothing was allocated for a second, memory goes back to the system and
//     stacks shrink, so a burst does not stay in the resident size.
//
// Above the floor the heap may grow by as much as is live, which is Go's default.
// --gc go or the environment variable GOGC switches the tuner off. GOMEMLIMIT holds in
// both cases.
type gcTuner struct {
	stopped atomic.Bool

	mu      sync.Mutex
	percent int // the last argument of debug.SetGCPercent
}

const (
	heapFloor       = 24 << 20 // bytes
	crowdGoroutines = 500      // a connection has two
	crowdFloor      = 6 << 20  // bytes
	maxPercent      = 1000     // of the live heap

	// A second in which fewer than idleBytes were allocated counts as idle.
	idleInterval = time.Second
	idleBytes    = 512 << 10
	// freeAfterBytes must have been allocated since memory was freed last.
	freeAfterBytes = 8 << 20
	// Each collection halves the stacks that are large enough; freeing twice in a row
	// shrinks what one burst grew.
	freeRounds = 2
)

// startGCTuner starts a tuner, unless mode is "go" or GOGC is set. stop ends it and
// waits for its goroutine.
func startGCTuner(ctx context.Context, mode string) (stop func()) {
	if mode == "go" || os.Getenv("GOGC") != "" {
		return func() {}
	}
	t := &gcTuner{percent: 100}
	t.tune()
	t.tuneAfterEachCollection()
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { t.freeWhenIdle(ctx) })
	return func() { cancel(); t.stopped.Store(true); done.Wait() }
}

// tuneAfterEachCollection has the runtime call tune after every collection: the cleanup
// of an unreachable object runs then, and makes the next such object.
func (t *gcTuner) tuneAfterEachCollection() {
	type sentinel struct{ _ *sentinel } // has a pointer, so the allocator does not merge it with other objects
	runtime.AddCleanup(&sentinel{}, func(t *gcTuner) {
		if !t.stopped.Load() {
			t.tune()
			t.tuneAfterEachCollection()
		}
	}, t)
}

// tune sets the percentage by which the heap may grow before the next collection: to
// the floor, or by as much as is live.
func (t *gcTuner) tune() {
	t.mu.Lock()
	defer t.mu.Unlock()
	live, floor := max(readMetric("/gc/heap/live:bytes"), 1<<20), uint64(heapFloor)
	if readMetric("/sched/goroutines:goroutines") > crowdGoroutines {
		floor = crowdFloor
	}
	percent := 100
	if live < floor/2 {
		percent = int(min(100*(floor-live)/live, maxPercent))
	}
	if float64(percent) > 1.1*float64(t.percent) || float64(percent) < 0.9*float64(t.percent) {
		t.percent = percent
		debug.SetGCPercent(percent)
	}
}

// freeWhenIdle returns memory to the system whenever the server has become idle after
// it had allocated much. It returns when ctx ends.
func (t *gcTuner) freeWhenIdle(ctx context.Context) {
	ticker := time.NewTicker(idleInterval)
	defer ticker.Stop()
	var last, freedAt uint64 // bytes allocated since the start, at the last tick and the last free
	rounds := 0              // still to do
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		t.tune()
		now := readMetric("/gc/heap/allocs:bytes")
		idle := now-last < idleBytes
		last = now
		if now-freedAt > freeAfterBytes+readMetric("/gc/heap/live:bytes")/4 {
			rounds = freeRounds
		}
		if !idle || rounds == 0 {
			continue
		}
		debug.FreeOSMemory()
		rounds--
		last = readMetric("/gc/heap/allocs:bytes")
		freedAt = last
	}
}

// readMetric reads a number from runtime/metrics. A metric that this version of Go does
// not have reads as a very large number.
func readMetric(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return math.MaxUint64 / 1000
	}
	return s[0].Value.Uint64()
}
