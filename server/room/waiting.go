package room

import "sync"

// waiting are the acks, and answers alike, whose records are not on disk yet. Its
// lock is taken after Room.mu, and before that of a feed or a peer.
type waiting struct {
	mu    sync.Mutex
	owed  []owed // in order
	bytes int    // in owed
}

// owed is an ack, or an answer, that waits.
type owed struct {
	to     *member
	after  uint64 // records that must be on disk
	n      uint64 // of an ack: the peer's document messages
	answer *answer
}

const (
	// maxWaiting is how many bytes may wait for the disk before the room
	// stops reading commands; an ack counts for ackSize besides its body.
	maxWaiting = 8 << 20
	ackSize    = 200
	keptOwed   = 4 // places in waiting that are kept while nothing waits
)

// heavy tells whether too much waits for the disk to take more.
func (r *Room) heavy() bool {
	w := &r.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes > maxWaiting
}

// once pays what is owed once its records are on disk. Acks keep their order;
// an answer that waits for nothing need not.
func (r *Room) once(o owed) {
	w := &r.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	if on := r.durable.get(); o.after <= on && (o.answer != nil || len(w.owed) == 0) {
		r.feed.settled(on)
		r.settled(o)
		return
	}
	w.owed = append(w.owed, o)
	w.bytes += o.size()
}

// size is what it counts for while it waits.
func (o owed) size() int {
	n := ackSize
	if o.answer != nil {
		for _, b := range o.answer.bodies {
			n += len(b.Body)
		}
	}
	return n
}

// release pays what waits for records that are on disk now. The journal calls it, too.
func (r *Room) release() {
	w := &r.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	on := r.durable.get()
	r.feed.settled(on)
	n := 0
	for ; n < len(w.owed) && w.owed[n].after <= on; n++ {
		o := w.owed[n]
		w.bytes -= o.size()
		w.owed[n] = owed{}
		r.settled(o)
	}
	switch rest := w.owed[n:]; {
	case len(rest) > 0:
		w.owed = rest
	case cap(w.owed) <= keptOwed:
		w.owed = w.owed[:0]
	default:
		w.owed = nil
	}
}

// settled pays what is owed.
func (r *Room) settled(o owed) {
	switch {
	case o.answer != nil:
		r.give(o.to, *o.answer)
	case o.to.cursor.echo:
		o.to.peer.Wake(o.to.cursor)
	default:
		o.to.peer.Acked(o.n)
	}
}

// settle waits until what was handed to the journal is on disk, or never will
// be.
func (r *Room) settle() {
	for r.waits() && r.durable.failed() == nil {
		select {
		case <-r.durable.moved:
			r.release()
		case <-r.journal.given:
			r.release()
			return
		case <-r.journal.done:
			r.release()
			return
		}
	}
}

func (r *Room) waits() bool {
	w := &r.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.owed) > 0
}
