package room

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"weft/server/wire"
)

// errFailed says that a room has ended because of a panic, which is logged already.
var errFailed = errors.New("room: ended by a panic")

// run is the room's goroutine. It ends when ctx does, after what the room has accepted is
// durable. An error says that it ended for another reason and has closed its peers;
// store.ErrCorrupt: the stored document is damaged.
//
// A panic is a bug: only this room ends, and its peers reconnect to what is stored.
func (r *Room) run(ctx context.Context) (err error) {
	defer close(r.stopped)
	defer func() { r.memory.Add(-r.accounted.Load()) }()
	defer r.recoverRun()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	defer r.flush.timer.Stop()
	healthChanged := r.watchHealth()
	for {
		commands, wait := r.ready()
		select {
		case <-commands:
			r.work(r.runQueued)
		case <-wait.journal: // ask ready again
		case <-wait.acks: // ask ready again
		case <-r.events.added.C():
			r.work(r.deliverEvents)
		case <-healthChanged:
			r.deliverDurable() // acks leave before the event that says that writing works
			healthChanged = r.watchHealth()
		case <-r.position.Failed():
			r.work(func() { r.finish("the stored room is damaged") })
			return r.position.Err()
		case <-r.feed.Requested():
			r.work(r.answerRequests)
		case <-r.flush.timer.C:
			r.work(func() { r.flush.timerAt = time.Time{} })
		case now := <-ticker.C:
			r.work(func() { r.tick(now) })
		case reason := <-r.broken:
			return r.endFor(reason)
		case <-ctx.Done():
			r.work(r.drain)
			r.waitDurable()
			return nil
		}
	}
}

// waits are the channels whose receives end a pause in taking commands; nil for no pause.
type waits struct{ journal, acks <-chan struct{} }

// ready returns the channel that says that commands are queued, or nil and what to wait
// for: too much waits for the disk.
func (r *Room) ready() (commands <-chan struct{}, wait waits) {
	switch full := r.journalFull(); {
	case r.durable.isFull():
		return nil, waits{journal: full, acks: r.position.Changed()}
	case full != nil:
		return nil, waits{journal: full}
	}
	if len(r.commands) > 0 { // an earlier wake-up may have been consumed while the room could not take commands
		r.queued.Set()
	}
	return r.queued.C(), waits{}
}

// work does a piece of work for the room, and then gives its peers what is due.
func (r *Room) work(piece func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		piece()
		r.flushDue()
	}
}

// watchHealth tells the state whether updates can be written. It returns a channel that is
// closed when that changes.
func (r *Room) watchHealth() (changed <-chan struct{}) {
	changed, trouble := r.journal.Health()
	r.work(func() { r.setStorage(trouble) })
	return changed
}

// setStorage tells the state whether updates can be written: not if trouble is not nil.
func (r *Room) setStorage(trouble error) {
	if failing := trouble != nil; failing != r.state.readOnly {
		r.apply(r.state.step(command{kind: commandStorage, failing: failing, now: time.Now()}))
	}
}

// tick does what depends on time alone.
func (r *Room) tick(now time.Time) {
	r.account()
	r.apply(r.state.step(command{kind: commandTick, now: now}))
	r.trim(now)
}

// endFor ends the room for a reason given to end.
func (r *Room) endFor(reason error) error {
	r.log.Error("room: closing a room and its peers", "room", r.id, "err", reason)
	r.work(func() { r.finish("the room is overloaded; reconnect") })
	r.waitDurable()
	if reason == errFailed {
		return nil // fail has closed the peers, and what is stored is sound
	}
	return reason
}

// finish closes all peers. Nobody works for the room any more.
func (r *Room) finish(reason string) {
	r.over = true
	r.closePeers(reason)
}

func (r *Room) closePeers(reason string) {
	for _, s := range r.state.members.row {
		s.peer.Close(wire.CloseOverload, reason)
	}
}

// drain executes what has arrived. Nobody works for the room any more.
func (r *Room) drain() {
	r.runQueued()
	r.over = true
}

// recoverRun ends the room if its goroutine panics. It is deferred.
func (r *Room) recoverRun() {
	if p := recover(); p != nil {
		r.mu.Lock()
		r.fail(p)
		r.mu.Unlock()
		r.waitDurable()
	}
}

// fail ends the room after a panic, as its memory cannot be trusted any more. It is called
// with mu held.
func (r *Room) fail(p any) {
	r.log.Error("room: panic; closing the room and its peers", "room", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	r.finish("the room failed; reconnect")
}
