package room

import (
	"time"

	"weft/server/room/feed"
)

// flush says when a room gives its peers what is new: at once after a pause, and under
// load in ticks, so that updates that arrive meanwhile are one frame for each peer. A tick
// is about as long as it takes to write the last flush to all peers: so it adds little to
// what the writing takes anyway, and a small room is not delayed at all. It is guarded by
// Room.mu.
type flush struct {
	batch       []feed.Entry // updates that are not in the feed yet
	bytes       int          // in batch
	batchBegun  time.Time    // when the first of them arrived
	nextUpdates time.Time    // when the next batch may go into the feed
	lastWake    time.Time    // when all peers were last woken

	awarenessChanged bool
	nextAwareness    time.Time // when awareness may be published again

	timer   *time.Timer // wakes the room's goroutine for a flush that is not due yet
	timerAt time.Time   // when timer fires; zero if it is not set
}

const (
	// Writing a frame to a socket takes about writeCost and byteCost for each byte. This
	// was measured on loopback, with the wake-up of the socket's goroutine.
	writeCost     = 8 * time.Microsecond
	byteCost      = time.Nanosecond / 2
	maxUpdateTick = 20 * time.Millisecond
	// People watch carets move: 20 to 30 changes a second look smooth.
	minAwarenessTick = 33 * time.Millisecond
	maxAwarenessTick = 250 * time.Millisecond
	// A batch of maxBatchBytes is flushed without waiting.
	maxBatchBytes = feed.MergeBytes
)

// writeTime estimates how long it takes to write so many bytes to each peer.
func writeTime(peers, bytes int) time.Duration {
	return time.Duration(peers) * (writeCost + time.Duration(bytes)*byteCost)
}

// add adds an update to the batch.
func (f *flush) add(author *member, update []byte) {
	if len(f.batch) == 0 {
		f.batchBegun = time.Now()
	}
	f.batch = append(f.batch, feed.Entry{Author: author.reader, Update: update})
	f.bytes += len(update)
}

// flushDue gives the peers what is due, and sets the timer for what is not due yet. It is
// called after each piece of work for the room. While commands are queued it waits for them, so
// that their updates are one frame, but only for a part of a tick.
func (r *Room) flushDue() {
	f := &r.flush
	if len(f.batch) == 0 && !f.awarenessChanged {
		return
	}
	now := time.Now()
	wake := false
	var due time.Time
	if len(f.batch) > 0 {
		at := f.nextUpdates
		if len(r.commands) > 0 {
			at = later(at, f.batchBegun.Add(maxUpdateTick/4))
		}
		if f.bytes >= maxBatchBytes || !now.Before(at) {
			r.flushUpdates(now)
			wake = true
		} else {
			due = at
		}
	}
	if f.awarenessChanged {
		if !now.Before(f.nextAwareness) {
			r.flushAwareness(now)
			wake = true
		} else if due.IsZero() || f.nextAwareness.Before(due) {
			due = f.nextAwareness
		}
	}
	if wake {
		for _, s := range r.state.members.row {
			s.peer.Wake(s.reader)
		}
		f.lastWake = time.Now()
	}
	if !due.IsZero() && !due.Equal(f.timerAt) {
		f.timer.Reset(due.Sub(now))
		f.timerAt = due
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// flushUpdates puts the batch into the feed.
func (r *Room) flushUpdates(now time.Time) {
	f := &r.flush
	tick := min(writeTime(r.state.members.len(), f.bytes), maxUpdateTick)
	r.feed.Append(f.batch, r.state.doc.StateVector)
	clear(f.batch)
	f.batch, f.bytes = f.batch[:0], 0
	if cap(f.batch) > 64 {
		f.batch = nil
	}
	f.nextUpdates = now.Add(tick)
}

// flushAwareness publishes the awareness that has changed.
func (r *Room) flushAwareness(now time.Time) {
	f := &r.flush
	bytes := r.feed.PublishAwareness()
	f.awarenessChanged = false
	f.nextAwareness = now.Add(min(max(2*writeTime(r.state.members.len(), bytes), minAwarenessTick), maxAwarenessTick))
}

// trim drops what no peer needs any more.
func (r *Room) trim(now time.Time) {
	r.feed.Trim(func(yield func(*feed.Reader) bool) {
		for _, s := range r.state.members.row {
			if !yield(s.reader) {
				return
			}
		}
	})
	r.feed.TrimAwareness(now)
	r.state.cache.expire()
}
