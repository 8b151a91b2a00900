package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence/internal/signal"
)

// writeBatch is how many connections, and how many people, one exchange writes.
const writeBatch = 100

// writer writes the connections of this node, and their people over all rooms, to
// Redis. Its goroutine is run.
//
// The queue names connections and people, not changes: each connection and each person
// is in the queue at most once, however often they change, and the state at the
// time of the exchange is written. While the node is degraded nothing is queued;
// the next life writes everything.
type writer struct {
	o      Options
	keys   keys
	client *goredis.Client
	mirror *mirror
	lease  *lease
	wake   signal.Signal

	// All that follows is guarded by mirror.mu.
	conns   []*localConn
	users   []*user
	replies uint64 // number of replies applied so far; orders replies and readings
}

func newWriter(o Options, keys keys, client *goredis.Client) *writer {
	return &writer{o: o, keys: keys, client: client, wake: signal.New()}
}

// enqueueConn has the connection's state written. It needs mirror.mu.
func (w *writer) enqueueConn(c *localConn) {
	if w.lease.isDegraded() {
		c.room.removeIfGone(c)
		return
	}
	if !c.queued {
		c.queued = true
		w.conns = append(w.conns, c)
	}
	w.wake.Set()
}

// enqueueUser has the person's devices and status written. It needs mirror.mu.
func (w *writer) enqueueUser(u *user) {
	if w.lease.isDegraded() {
		if !u.hasConns() {
			delete(w.mirror.users, u.id)
		}
		return
	}
	if !u.queued {
		u.queued = true
		w.users = append(w.users, u)
	}
	w.wake.Set()
}

// discard empties the queues when the node becomes degraded. It needs mirror.mu.
func (w *writer) discard() {
	conns, users := w.conns, w.users
	w.conns, w.users = nil, nil
	for _, c := range conns {
		c.queued = false
		c.room.removeIfGone(c)
		for _, done := range c.onWritten {
			close(done)
		}
		c.onWritten = nil
	}
	for _, u := range users {
		u.queued = false
		w.enqueueUser(u)
	}
}

// run writes the queued changes, one batch after the other, until ctx ends.
func (w *writer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		for ctx.Err() == nil && w.writeSome(ctx) {
		}
	}
}

// writeSome writes one batch in one exchange, and reports whether to go on.
func (w *writer) writeSome(ctx context.Context) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	pipe := w.client.Pipeline()
	w.mirror.mu.Lock()
	node := w.lease.nodeID()
	var writes []write
	if !w.lease.isDegraded() {
		writes = append(w.takeConns(ctx, pipe, node), w.takeUsers(ctx, pipe, node)...)
	}
	more = len(w.conns)+len(w.users) > 0
	w.mirror.mu.Unlock()
	if len(writes) == 0 {
		return more
	}
	_, err := pipe.Exec(ctx)
	if errors.Is(err, goredis.Nil) || isReply(err) {
		err = nil // applyReply finds it in the result of the command
	}
	w.mirror.mu.Lock()
	defer w.mirror.mu.Unlock()
	return w.finish(node, writes, err) && more
}

// isReply reports whether err is an error reply of Redis and not an error of the
// network.
func isReply(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply)
}

// finish applies the replies of an exchange that was begun under that node id, and
// wakes the callers of Join that wait for it. It needs mirror.mu.
func (w *writer) finish(node string, writes []write, err error) (ok bool) {
	for _, wr := range writes {
		if err == nil {
			err = w.applyReply(node, wr)
		} else if wr.conn != nil && w.lease.isDegraded() {
			wr.conn.room.removeIfGone(wr.conn)
		}
	}
	if err != nil {
		if node == w.lease.nodeID() {
			w.lease.lose(err)
		}
		for _, wr := range writes {
			if wr.conn != nil {
				wr.conn.room.removeIfGone(wr.conn)
			}
		}
	}
	for _, wr := range writes {
		for _, done := range wr.onWritten {
			close(done)
		}
	}
	return err == nil
}
