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

// collector makes the garbage collector fit a server that is small and bursty:
// a small heap is not collected while it grows, as that would happen in the middle
// of loading a document, and makes it several times slower on a busy machine; and
// once a burst is over, memory goes back to the system and stacks shrink.
type collector struct {
	ended atomic.Bool

	mu      sync.Mutex
	percent int // what debug.SetGCPercent was told last
}

const (
	// heapFloor is the size below which the heap is not collected.
	heapFloor = 24 << 20
	// With so many goroutines, two for a connection, much of the heap are small things
	// that stay. What is garbage between them when it is collected can be used again,
	// and not given back, so it is collected sooner: from crowdFloor on.
	crowd      = 500
	crowdFloor = 6 << 20
	mostGrown  = 1000 // percent of what is live
	// A second in which less than restBytes were allocated counts as rest.
	restEvery = time.Second
	restBytes = 512 << 10
	// tidyBytes must have been allocated since the last time to be worth tidying up.
	tidyBytes = 8 << 20
	// Each collection halves stacks, if that is enough.
	tidyTimes = 2
)

// collect starts it; stop ends it. With GOGC set it leaves all as it is.
func collect(ctx context.Context) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collector{percent: 100}
	c.tune()
	c.watch()
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { c.tidy(ctx) })
	return func() { cancel(); c.ended.Store(true); done.Wait() }
}

// watch has tune called after each collection.
func (c *collector) watch() {
	type token struct{ _ *token } // with a pointer, so that it is not part of another object
	runtime.AddCleanup(&token{}, func(c *collector) {
		if !c.ended.Load() {
			c.tune()
			c.watch()
		}
	}, c)
}

// tune lets the heap grow to the floor, or by as much again as is live.
func (c *collector) tune() {
	c.mu.Lock()
	defer c.mu.Unlock()
	live, floor := max(value("/gc/heap/live:bytes"), 1<<20), uint64(heapFloor)
	if value("/sched/goroutines:goroutines") > crowd {
		floor = crowdFloor
	}
	percent := 100
	if live < floor/2 {
		percent = int(min(100*(floor-live)/live, mostGrown))
	}
	if float64(percent) > 1.1*float64(c.percent) || float64(percent) < 0.9*float64(c.percent) {
		c.percent = percent
		debug.SetGCPercent(percent)
	}
}

// tidy gives memory back whenever the server has come to rest.
func (c *collector) tidy(ctx context.Context) {
	ticker := time.NewTicker(restEvery)
	defer ticker.Stop()
	var last, tidied uint64 // bytes allocated so far, then
	left := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		c.tune()
		now := value("/gc/heap/allocs:bytes")
		rests := now-last < restBytes
		last = now
		if now-tidied > tidyBytes+value("/gc/heap/live:bytes")/4 {
			left = tidyTimes
		}
		if !rests || left == 0 {
			continue
		}
		debug.FreeOSMemory()
		left--
		last = value("/gc/heap/allocs:bytes")
		tidied = last
	}
}

func value(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return math.MaxUint64 / 1000
	}
	return s[0].Value.Uint64()
}
