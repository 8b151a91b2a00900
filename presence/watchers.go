package presence

import (
	"context"
	"sync"
)

// Watchers gives diffs to watchers, for trackers to build on. Safe for concurrent use.
type Watchers struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	ready chan struct{} // capacity 1: queue is not empty

	mu       sync.Mutex
	watchers []*watcher
	queue    diffQueue
}

type watcher struct {
	calling sync.Mutex // held while fn runs
	stopped bool       // guarded by calling
	fn      func(Diff)
}

// NewWatchers starts the one goroutine that calls the watchers. Close it.
func NewWatchers() *Watchers {
	ctx, stop := context.WithCancel(context.Background())
	f := &Watchers{stop: stop, ready: make(chan struct{}, 1), queue: diffQueue{max: maxQueued}}
	f.done.Go(func() { f.deliver(ctx) })
	return f
}

// Watch calls fn with every diff from now on. All watchers are called by the same
// goroutine, one after another, so a slow one delays the rest. While a watcher is
// busy, diffs wait; once 1,024 do, a room's next diff is merged into the one of
// its that waits already: the watchers then skip moments but end at the truth,
// and the queue holds at most one diff more for each room.
func (f *Watchers) Watch(fn func(Diff)) (stop func()) {
	w := &watcher{fn: fn}
	f.mu.Lock()
	// A copy, because deliver reads the list it took without the lock.
	f.watchers = append(f.watchers[:len(f.watchers):len(f.watchers)], w)
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		var rest []*watcher
		for _, other := range f.watchers {
			if other != w {
				rest = append(rest, other)
			}
		}
		f.watchers = rest
		f.mu.Unlock()
		w.calling.Lock()
		w.stopped = true
		w.calling.Unlock()
	}
}

// Tell queues a diff and never waits. A caller that tells under its own lock keeps
// the order of a room's diffs. An empty diff is not told.
func (f *Watchers) Publish(d Diff) {
	if d.empty() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.watchers) > 0 {
		f.queue.push(d)
		signal(f.ready)
	}
}

// Close ends the goroutine and waits for it. Diffs still queued are not delivered.
func (f *Watchers) Close() {
	f.stop()
	f.done.Wait()
}

func (f *Watchers) deliver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.ready:
		}
		for ctx.Err() == nil {
			f.mu.Lock()
			d, ok := f.queue.pop()
			watchers := f.watchers
			f.mu.Unlock()
			if !ok {
				break
			}
			for _, w := range watchers {
				w.call(d)
			}
		}
	}
}

func (w *watcher) call(d Diff) {
	w.calling.Lock()
	defer w.calling.Unlock()
	if !w.stopped {
		w.fn(d)
	}
}

const maxQueued = 1024

// diffQueue is first in, first out. When it holds max diffs it is full: a diff is
// then merged into the last one of its room, and only a room without one adds to
// the length. Merging keeps the order per room, the only order promised.
type diffQueue struct {
	max   int
	diffs []Diff
	first int            // position of diffs[0], counted from the beginning of time
	last  map[string]int // position of each room's last diff
}

func (q *diffQueue) push(d Diff) {
	if d.Joins == nil {
		d.Joins = []Person{} // [] in JSON, not null
	}
	if d.Leaves == nil {
		d.Leaves = []string{}
	}
	if at, waits := q.last[d.Room]; waits && len(q.diffs) >= q.max {
		q.diffs[at-q.first] = q.diffs[at-q.first].merge(d)
		return
	}
	if q.last == nil {
		q.last = map[string]int{}
	}
	q.last[d.Room] = q.first + len(q.diffs)
	q.diffs = append(q.diffs, d)
}

func (q *diffQueue) pop() (Diff, bool) {
	if len(q.diffs) == 0 {
		return Diff{}, false
	}
	d := q.diffs[0]
	if q.last[d.Room] == q.first {
		delete(q.last, d.Room)
	}
	q.diffs[0] = Diff{}
	q.diffs = q.diffs[1:]
	q.first++
	return d, true
}
