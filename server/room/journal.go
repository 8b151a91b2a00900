package room

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weft/server/store"
)

// Journal makes updates durable: whatever has gathered from all rooms while
// one commit ran goes into the next (group commit). So an idle server adds no
// wait, and a busy one shares its fsyncs.
//
// Its queue holds at most maxQueued bytes; full means that add waits, and with
// it the room and the sockets that write to it.
type Journal struct {
	log   Log
	slog  *slog.Logger
	done  chan struct{}
	abort chan struct{} // closed when retrying must end

	mu     sync.Mutex
	more   *sync.Cond // signalled when queue or closed changes
	space  *sync.Cond // signalled when a batch is taken
	queue  []record
	bytes  int
	closed bool
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
}

// durable tells a room how many of its records are on disk.
type durable struct {
	mu    sync.Mutex
	n     uint64
	moved chan struct{} // holds a token when n has moved since it was last read
}

func newDurable() *durable { return &durable{moved: make(chan struct{}, 1)} }

func (d *durable) set(n uint64) {
	d.mu.Lock()
	d.n = n
	d.mu.Unlock()
	select {
	case d.moved <- struct{}{}:
	default:
	}
}

func (d *durable) get() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

const (
	maxQueued = 64 << 20
	maxBatch  = 16 << 20 // bytes in one commit
)

// NewJournal starts the journal's goroutine; Close ends it.
func NewJournal(log Log, logger *slog.Logger) *Journal {
	j := &Journal{log: log, slog: logger, done: make(chan struct{}), abort: make(chan struct{})}
	j.more = sync.NewCond(&j.mu)
	j.space = sync.NewCond(&j.mu)
	go j.run()
	return j
}

// add queues a record, in order per room.
func (j *Journal) add(r record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.bytes > maxQueued && !j.closed {
		j.space.Wait()
	}
	j.queue = append(j.queue, r)
	j.bytes += len(r.update.Data)
	j.more.Signal()
}

// Close commits what is queued and waits, until ctx ends: then a store that
// keeps failing is given up.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.closed = true
	j.more.Signal()
	j.space.Broadcast()
	j.mu.Unlock()
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		close(j.abort)
		<-j.done
		return ctx.Err()
	}
}

func (j *Journal) run() {
	defer close(j.done)
	for {
		batch := j.take()
		if batch == nil {
			return
		}
		if !j.commit(batch) {
			return
		}
	}
}

// take waits for records and takes up to maxBatch bytes of them; nil when
// closed and empty.
func (j *Journal) take() []record {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return nil
		}
		j.more.Wait()
	}
	n, size := 0, 0
	for n < len(j.queue) && (n == 0 || size+len(j.queue[n].update.Data) <= maxBatch) {
		size += len(j.queue[n].update.Data)
		n++
	}
	batch := j.queue[:n:n]
	j.queue = j.queue[n:]
	j.bytes -= size
	j.space.Broadcast()
	return batch
}

// commit writes a batch, and again until it succeeds: nothing is acknowledged
// meanwhile, and rooms that write come to a halt when the queue is full. A
// batch whose commit was reported as failed and yet happened is written twice,
// which a CRDT does not mind.
func (j *Journal) commit(batch []record) bool {
	updates := make([]store.Update, len(batch))
	for i, r := range batch {
		updates[i] = r.update
	}
	wait := 50 * time.Millisecond
	for {
		err := j.log.AppendUpdates(context.Background(), updates)
		if err == nil {
			break
		}
		j.slog.Error("updates are not on disk yet, trying again", "updates", len(updates), "wait", wait, "err", err)
		select {
		case <-time.After(wait):
		case <-j.abort:
			j.slog.Error("updates are lost to this server; their authors still hold them", "updates", len(updates))
			return false
		}
		wait = min(2*wait, 2*time.Second)
	}
	last := make(map[*durable]uint64, 8)
	for _, r := range batch {
		last[r.room] = r.n
	}
	for d, n := range last {
		d.set(n)
	}
	return true
}
