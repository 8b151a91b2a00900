package presence

import (
	"context"
	"sync"

	"weft/presence/internal/signal"
)

// maxQueuedDiffs is how many diffs wait for busy watchers before diffs are merged.
const maxQueuedDiffs = 1024

// Watchers calls the functions that were given to Watch with the diffs of a
// tracker, in the order of Publish. Trackers are built on it. Safe for concurrent
// use.
type Watchers struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	ready signal.Signal // the queue is not empty

	mu       sync.Mutex
	watchers []*watcher
	queue    diffQueue
}

type watcher struct {
	calling sync.Mutex // held while fn runs
	stopped bool       // guarded by calling
	fn      func(Diff)
}

// NewWatchers starts the one goroutine that calls the watchers; Close it.
func NewWatchers() *Watchers {
	ctx, stop := context.WithCancel(context.Background())
	w := &Watchers{stop: stop, ready: signal.New(), queue: diffQueue{max: maxQueuedDiffs}}
	w.done.Go(func() { w.run(ctx) })
	return w
}

// Watch calls fn with every diff from now on. One goroutine calls all watchers, one
// after the other, so a slow watcher delays the others. Diffs are queued meanwhile.
// Once 1,024 are, a room's next diff is merged into its last queued one, and only a
// room without one makes the queue longer: watchers then miss intermediate states
// but end with the correct one.
//
// stop ends the calls and waits until none is running; fn must not call it.
func (w *Watchers) Watch(fn func(Diff)) (stop func()) {
	added := &watcher{fn: fn}
	w.mu.Lock()
	// A copy, because run reads the list that it took without the lock.
	w.watchers = append(w.watchers[:len(w.watchers):len(w.watchers)], added)
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		var rest []*watcher
		for _, other := range w.watchers {
			if other != added {
				rest = append(rest, other)
			}
		}
		w.watchers = rest
		w.mu.Unlock()
		added.calling.Lock()
		added.stopped = true
		added.calling.Unlock()
	}
}

// Publish queues a diff and never waits. A caller that publishes under its own lock
// keeps the order of a room's diffs. An empty diff is ignored.
func (w *Watchers) Publish(d Diff) {
	if d.isEmpty() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.watchers) > 0 {
		w.queue.push(d)
		w.ready.Set()
	}
}

// Close stops the goroutine and waits for it. Diffs that are still queued are not
// delivered.
func (w *Watchers) Close() {
	w.stop()
	w.done.Wait()
}

func (w *Watchers) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ready:
		}
		for ctx.Err() == nil {
			w.mu.Lock()
			d, ok := w.queue.pop()
			watchers := w.watchers
			w.mu.Unlock()
			if !ok {
				break
			}
			for _, one := range watchers {
				one.call(d)
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
