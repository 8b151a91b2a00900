package room

import (
	"sync"

	"weft/server/room/feed"
)

// durableQueue holds deliveries whose journal records are not durable yet.
type durableQueue struct {
	mu      sync.Mutex
	waiting []delivery // in order
	bytes   int        // in waiting, by delivery.size
}

// delivery is an ack for one peer, or a sync answer whose arrival means that the peer's
// updates are durable.
type delivery struct {
	to     *member
	after  uint64       // the record that must be durable
	n      uint64       // of an ack: how many document messages of the peer it covers
	answer *feed.Answer // nil for an ack
}

const (
	// maxWaitingBytes bounds the acks and answers that wait for the disk. Beyond it the room
	// takes no commands, so the connections whose messages wait are not read.
	maxWaitingBytes = 8 << 20
	// ackBytes is what a delivery counts for, in bytes, besides the bodies of its answer.
	ackBytes = 200
	// spareDeliveries is the largest capacity that is kept while nothing waits.
	spareDeliveries = 4
)

// size returns how many bytes a delivery counts for while it waits.
func (d delivery) size() int {
	n := ackBytes
	if d.answer != nil {
		for _, b := range d.answer.Bodies {
			n += len(b.Body)
		}
	}
	return n
}

// isFull reports whether so much waits for the disk that the room must take no commands.
func (q *durableQueue) isFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > maxWaitingBytes
}

func (q *durableQueue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0
}

// deliverWhenDurable sends the ack or answer once its record is durable: now, if it is. Acks keep
// their order; an answer that depends on no waiting record may go first.
func (r *Room) deliverWhenDurable(d delivery) {
	q := &r.durable
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := r.position.Durable(); d.after <= n && (d.answer != nil || len(q.waiting) == 0) {
		r.feed.SetDurable(n)
		r.deliver(d)
		return
	}
	q.waiting = append(q.waiting, d)
	q.bytes += d.size()
}

// deliverDurable sends the acks and answers whose records are durable by now. The journal's
// goroutine calls it, too.
func (r *Room) deliverDurable() {
	q := &r.durable
	q.mu.Lock()
	defer q.mu.Unlock()
	durable := r.position.Durable()
	r.feed.SetDurable(durable)
	n := 0
	for ; n < len(q.waiting) && q.waiting[n].after <= durable; n++ {
		d := q.waiting[n]
		q.bytes -= d.size()
		q.waiting[n] = delivery{}
		r.deliver(d)
	}
	switch rest := q.waiting[n:]; {
	case len(rest) > 0:
		q.waiting = rest
	case cap(q.waiting) <= spareDeliveries:
		q.waiting = q.waiting[:0]
	default:
		q.waiting = nil
	}
}

// deliver sends the ack or answer to its peer. durableQueue.mu is held.
func (r *Room) deliver(d delivery) {
	switch {
	case d.answer != nil:
		d.to.reader.Answer(*d.answer)
		d.to.peer.Wake(d.to.reader)
	case d.to.reader.Echoes():
		d.to.peer.Wake(d.to.reader) // the echo is the ack
	default:
		d.to.peer.Acked(d.n)
	}
}

// waitDurable waits until all deliveries have been made, or never will be: the room is
// damaged, or the journal has given up.
func (r *Room) waitDurable() {
	for !r.durable.isEmpty() && r.position.Err() == nil {
		select {
		case <-r.position.Changed():
			r.deliverDurable()
		case <-r.journal.GivenUp():
			r.deliverDurable()
			return
		case <-r.journal.Done():
			r.deliverDurable()
			return
		}
	}
}
