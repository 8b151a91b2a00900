package journal

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weft/server/internal/signal"
	"weft/server/store"
)

// A Journal commits the records of all rooms; see the package comment. All methods are
// safe for concurrent use.
type Journal struct {
	o     Options
	begun time.Time
	done  chan struct{} // closed when the goroutine has ended
	// givenUp is closed when the journal gives up: a record that is not committed by then
	// never will be.
	givenUp     chan struct{}
	giveUpOnce  sync.Once
	commitEarly signal.Signal // enough bytes wait to commit without a delay

	mu     sync.Mutex
	more   *sync.Cond // signalled when queue or closed changes
	queue  []Record
	spare  []Record // empty; its memory is used for the next queue
	bytes  int      // in queue
	closed bool
	// committing is how many bytes are in the current commit, 0 if there is none. oldest
	// is when the first of its records was added, counted from begun.
	committing int
	oldest     time.Duration
	space      chan struct{} // closed when the queue is no longer full; nil if it is not full
	// trouble is why nothing can be written at the moment, nil if all is well.
	// healthChanged is closed, and made anew, when trouble appears or ends.
	trouble       error
	healthChanged chan struct{}
}

// Options of a Journal.
type Options struct {
	Store Log
	Log   *slog.Logger
	// MaxBytes bounds the updates in the queue, in bytes; 0 means DefaultMaxBytes.
	MaxBytes int
	// OnFull is called each time that the queue becomes full, with a lock of the journal
	// held: it must not call the journal. nil: nothing is called.
	OnFull func()
	// OnCommit is called after each commit, before positions advance, with the number of
	// bytes of updates in it. It must not block. nil: nothing is called.
	OnCommit func(bytes int)
}

// Log is the part of a store that the journal needs. AppendUpdates is not called
// concurrently.
type Log interface {
	AppendUpdates(ctx context.Context, updates []store.Update) error
}

// A Record is an update on its way to disk.
type Record struct {
	Update store.Update
	// Position moves to Number once the record is on disk. A room numbers its records
	// from 1 and adds them in that order.
	Position *Position
	Number   uint64

	// at is when the record was added, counted from Journal.begun. Only records that a
	// batch may begin with have it, as reading the clock costs time.
	at time.Duration
}

const (
	// DefaultMaxBytes bounds the queue unless Options.MaxBytes is set.
	DefaultMaxBytes = 64 << 20
	// StallAfter is how long a commit may take before it counts as failing.
	StallAfter = 5 * time.Second
	// EarlyBytes in the queue are committed without a delay.
	EarlyBytes = 1 << 20

	maxBatchBytes = 16 << 20 // in one commit
	// maxSpareRecords is the largest queue whose memory is kept for the next one.
	maxSpareRecords = 1024
)

// New starts the journal's goroutine; Close ends it.
func New(o Options) *Journal {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.OnFull == nil {
		o.OnFull = func() {}
	}
	if o.OnCommit == nil {
		o.OnCommit = func(int) {}
	}
	j := &Journal{
		o: o, begun: time.Now(), done: make(chan struct{}), givenUp: make(chan struct{}),
		healthChanged: make(chan struct{}), commitEarly: signal.New(),
	}
	j.more = sync.NewCond(&j.mu)
	go j.run()
	return j
}

// Add queues a record; records of one room are committed in the order of their Adds. It
// never blocks: the caller waits on Full before it makes the next record.
func (j *Journal) Add(r Record) {
	j.mu.Lock()
	j.bytes += len(r.Update.Data)
	if len(j.queue) == 0 || j.bytes > maxBatchBytes {
		r.at = time.Since(j.begun)
	}
	j.queue = append(j.queue, r)
	if j.bytes > j.o.MaxBytes && j.space == nil && !j.closed {
		j.space = make(chan struct{})
		j.o.OnFull()
	}
	early := j.bytes >= EarlyBytes
	j.more.Signal()
	j.mu.Unlock()
	if early {
		j.commitEarly.Set()
	}
}

// Full returns nil if there is space in the queue, and otherwise a channel that is closed
// when there is space again.
func (j *Journal) Full() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.space
}

// Backlog returns how many bytes of updates are not durable yet, and how long ago the
// oldest of them was added.
func (j *Journal) Backlog() (bytes int, age time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.oldest
	switch {
	case j.committing > 0:
	case len(j.queue) > 0:
		at = j.queue[0].at
	default:
		return 0, 0
	}
	return j.bytes + j.committing, time.Since(j.begun) - at
}

// Queued returns how many bytes of updates are in the queue, without those in the
// current commit.
func (j *Journal) Queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes
}

// Health returns why nothing can be written at the moment, nil if all is well, and a
// channel that is closed when that answer changes.
func (j *Journal) Health() (changed <-chan struct{}, trouble error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.healthChanged, j.trouble
}

// setTrouble records that the disk fails, or with nil that it works.
func (j *Journal) setTrouble(trouble error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if (j.trouble == nil) != (trouble == nil) {
		close(j.healthChanged)
		j.healthChanged = make(chan struct{})
	}
	j.trouble = trouble
}

// GivenUp returns a channel that is closed when Close has given up: no further record
// becomes durable.
func (j *Journal) GivenUp() <-chan struct{} { return j.givenUp }

// Done returns a channel that is closed when the journal's goroutine has ended.
func (j *Journal) Done() <-chan struct{} { return j.done }

// Close commits the queued records and waits, until ctx ends: then it gives up on a
// store that keeps failing or does not answer, and returns ctx's error. In the latter case
// the journal's goroutine ends when the store answers or is closed.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.closed = true
	j.more.Signal()
	j.openLocked()
	j.mu.Unlock()
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		j.giveUpOnce.Do(func() { close(j.givenUp) })
		return ctx.Err()
	}
}

// openLocked releases the rooms that wait for space. mu is held.
func (j *Journal) openLocked() {
	if j.space != nil {
		close(j.space)
		j.space = nil
	}
}

// run is the journal's goroutine.
func (j *Journal) run() {
	defer close(j.done)
	var recent load
	for {
		batch, size := j.takeBatch(recent.lastCommit.Add(recent.commitGap()))
		if batch == nil {
			return
		}
		recent.add(len(batch), time.Now())
		if !j.commit(batch) {
			return
		}
		j.o.OnCommit(size)
		j.finishBatch(batch)
	}
}

// takeBatch waits until there are records, and then until notBefore unless EarlyBytes
// gather. It takes the first of them, up to maxBatchBytes; nil when the journal is closed
// and the queue is empty.
func (j *Journal) takeBatch(notBefore time.Time) (batch []Record, size int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return nil, 0
		}
		j.more.Wait()
	}
	if wait := time.Until(notBefore); wait > 0 && j.bytes < EarlyBytes && !j.closed {
		j.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-j.commitEarly.C(): // a token of an earlier batch only makes one commit early
		case <-j.givenUp:
		}
		timer.Stop()
		j.mu.Lock()
	}
	n := 0
	for n < len(j.queue) && (n == 0 || size+len(j.queue[n].Update.Data) <= maxBatchBytes) {
		size += len(j.queue[n].Update.Data)
		n++
	}
	batch = j.queue[:n:n]
	if n == len(j.queue) {
		batch, j.queue, j.spare = j.queue, j.spare, nil
	} else {
		j.queue = j.queue[n:]
	}
	j.bytes -= size
	j.committing, j.oldest = size, batch[0].at
	if j.bytes <= j.o.MaxBytes {
		j.openLocked()
	}
	return batch, size
}

// finishBatch records that a batch is durable, and keeps its memory for a later queue.
func (j *Journal) finishBatch(batch []Record) {
	reuse := cap(batch) <= maxSpareRecords
	if reuse {
		clear(batch)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.committing = 0
	if reuse {
		j.spare = batch[:0]
	}
}
