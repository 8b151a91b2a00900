package room

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"weft/server/store"
)

// Journal makes updates durable: whatever has gathered from all rooms goes into
// one commit (group commit). An idle server adds no wait; a busy one lets up to
// maxGap pass between two commits, see pressure.
//
// Its queue holds about Limits.Journal bytes; full means that rooms stop reading
// updates, and with them the sockets that write to them, see full.
//
// A commit that fails, or does not return within stallAfter, puts the journal in
// trouble: rooms take no updates then, so that nothing more gathers that is not
// on disk. The commit is tried again until it succeeds, which ends the trouble.
type Journal struct {
	o     JournalOptions
	begun time.Time
	done  chan struct{} // closed when the goroutine has ended
	// given is closed when the journal gives up: what has not been committed
	// by then never will be.
	given chan struct{}
	giver sync.Once

	mu     sync.Mutex
	more   *sync.Cond // signalled when queue or closed changes
	queue  []record
	spare  []record // empty, for the next queue
	bytes  int      // in queue
	closed bool
	// underway is how many bytes are being committed, and oldest when the first of them
	// was added; 0 if none are.
	underway int
	oldest   time.Duration
	space    chan struct{} // closed when the queue is no longer full; nil if it is not
	// trouble is why nothing can be written at the moment, nil if all is well;
	// changed is closed, and made anew, when it appears or ends.
	trouble error
	changed chan struct{}
	urgent  chan struct{} // a token: enough has gathered to commit at once
}

// JournalOptions of a Journal.
type JournalOptions struct {
	Store Log
	Log   *slog.Logger
	// Most is about how many bytes may wait; 0 means DefaultLimits. Over is called
	// each time that there are more.
	Most int
	Over func()
	// Appended is called after each commit with how many bytes of updates it had. It
	// must not wait.
	Appended func(bytes int)
}

// Log is the part of a store that the journal needs.
type Log interface {
	AppendUpdates(ctx context.Context, updates []store.Update) error
}

// record is an update on its way to disk.
type record struct {
	update store.Update
	// room's count is moved to n once the record is on disk.
	room *durable
	n    uint64
	// at is when it was added, counted from Journal.begun; only records that a batch may
	// begin with have it.
	at time.Duration
}

// durable tells a room how many of its records are on disk.
type durable struct {
	settled func() // is called when n has changed; does not block

	mu     sync.Mutex
	n      uint64
	err    error         // the store refuses this room's records: nothing more will be on disk
	moved  chan struct{} // holds a token when n or err has changed since it was last read
	broken chan struct{} // holds a token once err is set
}

func newDurable() *durable {
	return &durable{settled: func() {}, moved: make(chan struct{}, 1), broken: make(chan struct{}, 1)}
}

func (d *durable) set(n uint64) {
	d.mu.Lock()
	d.n = n
	d.mu.Unlock()
	d.settled()
	token(d.moved)
}

func (d *durable) fail(err error) {
	d.mu.Lock()
	d.err = err
	d.mu.Unlock()
	token(d.moved)
	token(d.broken)
}

// token puts one into a channel that has room for one.
func token(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (d *durable) get() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

func (d *durable) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

const (
	maxBatch   = 16 << 20 // bytes in one commit
	urgentSize = 1 << 20  // bytes that are not waited with
	// maxGap is how far apart the starts of two commits are at most kept for the
	// sake of larger ones.
	maxGap = 10 * time.Millisecond
	// stallAfter is how long a commit may take before rooms stop relying on it.
	stallAfter = 5 * time.Second
)

// NewJournal starts the journal's goroutine; Close ends it.
func NewJournal(o JournalOptions) *Journal {
	if o.Most == 0 {
		o.Most = DefaultLimits().Journal
	}
	if o.Over == nil {
		o.Over = func() {}
	}
	if o.Appended == nil {
		o.Appended = func(int) {}
	}
	j := &Journal{
		o: o, begun: time.Now(), done: make(chan struct{}), given: make(chan struct{}),
		changed: make(chan struct{}), urgent: make(chan struct{}, 1),
	}
	j.more = sync.NewCond(&j.mu)
	go j.run()
	return j
}

// add queues a record, in order per room. It does not wait: who adds asks full
// before.
func (j *Journal) add(r record) {
	j.mu.Lock()
	j.bytes += len(r.update.Data)
	if len(j.queue) == 0 || j.bytes > maxBatch {
		r.at = time.Since(j.begun)
	}
	j.queue = append(j.queue, r)
	if j.bytes > j.o.Most && j.space == nil && !j.closed {
		j.space = make(chan struct{})
		j.o.Over()
	}
	urgent := j.bytes >= urgentSize
	j.more.Signal()
	j.mu.Unlock()
	if urgent {
		select {
		case j.urgent <- struct{}{}:
		default:
		}
	}
}

// full returns nil if there is room for more, and otherwise a channel that is
// closed when there is.
func (j *Journal) full() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.space
}

// backlog is how many bytes of updates are not on disk yet, and for how long the oldest
// of them has not been.
func (j *Journal) backlog() (bytes int, age time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.oldest
	switch {
	case j.underway > 0:
	case len(j.queue) > 0:
		at = j.queue[0].at
	default:
		return 0, 0
	}
	return j.bytes + j.underway, time.Since(j.begun) - at
}

// health returns a channel that is closed when the answer changes, and why nothing
// can be written at the moment, nil if all is well.
func (j *Journal) health() (changed <-chan struct{}, trouble error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed, j.trouble
}

// set takes note of trouble, or of its end.
func (j *Journal) set(trouble error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if (j.trouble == nil) != (trouble == nil) {
		close(j.changed)
		j.changed = make(chan struct{})
	}
	j.trouble = trouble
}

// Close commits what is queued and waits, until ctx ends: then a store that
// keeps failing, or does not answer, is given up. In the latter case the
// journal's goroutine ends when the store does answer, or is closed.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.closed = true
	j.more.Signal()
	j.open()
	j.mu.Unlock()
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		j.giver.Do(func() { close(j.given) })
		return ctx.Err()
	}
}

// open lets those in who wait for space. mu is held.
func (j *Journal) open() {
	if j.space != nil {
		close(j.space)
		j.space = nil
	}
}

func (j *Journal) run() {
	defer close(j.done)
	var recent pressure
	for {
		batch, size := j.take(recent.begun.Add(recent.gap()))
		if batch == nil {
			return
		}
		recent.add(len(batch), time.Now())
		if !j.commit(batch) {
			return
		}
		j.o.Appended(size)
		j.committed(batch)
	}
}

// pressure remembers how much has been committed lately: n records, each forgotten
// over loadTime.
type pressure struct {
	n     float64
	begun time.Time // the last commit
}

const (
	loadTime = 100 * time.Millisecond
	// Up to lowLoad records in loadTime every commit begins at once; from twice
	// as many on it begins maxGap after the one before.
	lowLoad = 50
)

func (l *pressure) add(n int, now time.Time) {
	if passed := now.Sub(l.begun); passed < 10*loadTime {
		l.n *= math.Exp(-float64(passed) / float64(loadTime))
	} else {
		l.n = 0
	}
	l.n += float64(n)
	l.begun = now
}

// gap is how long to let pass from the begin of the last commit to that of the
// next: an fsync costs the same for one record as for a hundred.
func (l *pressure) gap() time.Duration {
	return time.Duration(min(max(l.n/lowLoad-1, 0), 1) * float64(maxGap))
}

// take waits for records, and on until then unless much gathers, and takes up
// to maxBatch bytes of them; nil when closed and empty.
func (j *Journal) take(then time.Time) (batch []record, size int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return nil, 0
		}
		j.more.Wait()
	}
	if wait := time.Until(then); wait > 0 && j.bytes < urgentSize && !j.closed {
		j.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-j.urgent: // also a stale token: that only makes one commit early
		case <-j.given:
		}
		timer.Stop()
		j.mu.Lock()
	}
	n := 0
	for n < len(j.queue) && (n == 0 || size+len(j.queue[n].update.Data) <= maxBatch) {
		size += len(j.queue[n].update.Data)
		n++
	}
	batch = j.queue[:n:n]
	if n == len(j.queue) {
		batch, j.queue, j.spare = j.queue, j.spare, nil
	} else {
		j.queue = j.queue[n:]
	}
	j.bytes -= size
	j.underway, j.oldest = size, batch[0].at
	if j.bytes <= j.o.Most {
		j.open()
	}
	return batch, size
}

// sparePlaces is up to how many records a queue's memory is kept for.
const sparePlaces = 1024

// committed takes note that a batch is on disk, and keeps its memory for a later queue.
func (j *Journal) committed(batch []record) {
	keep := cap(batch) <= sparePlaces
	if keep {
		clear(batch)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.underway = 0
	if keep {
		j.spare = batch[:0]
	}
}
