package redis

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// Tracker is a [presence.Tracker] over Redis. Safe for concurrent use. Its
// watchers receive the diffs of mirrored rooms:
//
//   - rooms that a connection of this node is in,
//   - rooms that Options.KeepMirror names,
//   - rooms that People or IsPresent were asked about in the last minute.
//
// No call waits for Redis longer than Options.Timeout, and none fails because
// Redis does not answer: the result is then what this node knows.
type Tracker struct {
	o      Options
	client *goredis.Client
	stop   context.CancelFunc
	done   sync.WaitGroup

	watchers *presence.Watchers
	statuses *presence.StatusWatchers

	mirror       *mirror
	writer       *writer
	lease        *lease
	subscription *subscription
	reaper       *reaper
	typing       *typing
}

var _ presence.Tracker = (*Tracker)(nil)

// New starts a tracker and its goroutines; Close it. It tries to take the lease
// for at most Options.Timeout. If Redis does not answer, the tracker starts
// degraded and goes on trying. The error is ErrURL.
func New(o Options) (*Tracker, error) {
	o = o.withDefaults()
	goredis.SetLogger(&redisLog{log: o.Log}) // before the client can log anything
	client, err := o.connect()
	if err != nil {
		return nil, err
	}
	t := &Tracker{o: o, client: client, watchers: presence.NewWatchers()}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.compose(ctx)
	t.lease.renew(ctx) // so that a Redis that answers is used from the first call on
	for _, run := range []func(context.Context){
		t.lease.run, t.mirror.runTimers, t.mirror.runReader, t.writer.run,
		t.subscription.run, t.reaper.run, t.typing.run,
	} {
		t.done.Go(func() { run(ctx) })
	}
	return t, nil
}

// compose makes the parts and connects them.
func (t *Tracker) compose(ctx context.Context) {
	keys := keys(t.o.Prefix)
	t.statuses = presence.NewStatusWatchers(
		func(users []string) map[string]presence.UserStatus { return t.knownStatus(ctx, users) },
		func(user string) { t.subscription.watchUser(user) },
	)
	t.reaper = newReaper(t.o, keys, t.client)
	t.lease = newLease(t.o, keys, t.client, t.reaper)
	t.mirror = newMirror(t.o, keys, t.client)
	t.writer = newWriter(t.o, keys, t.client)
	t.typing = newTyping(t.o, keys, t.client, t.lease)
	t.subscription = newSubscription(t.o, keys, t.client, t.mirror.readNow, t.receive)
	t.subscription.statuses = t.statuses

	t.mirror.lease, t.mirror.writer, t.mirror.subscription = t.lease, t.writer, t.subscription
	t.mirror.watchers, t.mirror.statuses = t.watchers, t.statuses
	t.writer.mirror, t.writer.lease = t.mirror, t.lease
	t.lease.mirror = t.mirror
	t.lease.onLost = func() {
		t.writer.discard()
		t.typing.discard()
	}
	t.subscription.open(ctx)
}

// newID returns a name that nothing else has: 72 random bits.
func newID() string {
	var b [9]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Degraded reports whether the node serves its people without Redis.
func (t *Tracker) Degraded() bool { return t.lease.isDegraded() }

// Reaped returns how many times this node has removed everything that a dead
// node wrote.
func (t *Tracker) Reaped() uint64 { return t.reaper.completed.Load() }

// Join adds or replaces a connection. It waits until Redis has it, at most
// Options.Timeout or until ctx ends, so that all nodes agree about the person's
// slot. The error is presence.ErrClosed.
func (t *Tracker) Join(ctx context.Context, member presence.Member) (presence.Person, error) {
	m := t.mirror
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return presence.Person{}, presence.ErrClosed
	}
	p, written := m.join(member)
	m.mu.Unlock()

	timer := time.NewTimer(t.o.Timeout)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return presence.Person{}, presence.ErrClosed
	}
	m.assignCard(p)
	return p.current(), nil
}

// Leave closes a connection. It does not wait for Redis.
func (t *Tracker) Leave(_ context.Context, room, conn string) error {
	return t.mirror.change(room, conn, func(c *localConn, _ time.Time) { t.mirror.leave(c) })
}

// Touch records activity on a connection. It does not wait for Redis.
func (t *Tracker) Touch(_ context.Context, room, conn string) error {
	return t.mirror.change(room, conn, func(c *localConn, now time.Time) {
		c.active = now
		t.mirror.updateStatus(c, now)
	})
}

// MarkIdle makes a connection idle at once, unless it already is idle or away.
// It does not wait for Redis.
func (t *Tracker) MarkIdle(_ context.Context, room, conn string) error {
	return t.mirror.change(room, conn, func(c *localConn, now time.Time) {
		if idleSince := now.Add(-t.o.Idle); c.active.After(idleSince) {
			c.active = idleSince
		}
		t.mirror.updateStatus(c, now)
	})
}

// People lists the people in the room by arrival. A room that is not mirrored is
// read from Redis first. The error is presence.ErrClosed or that of ctx.
func (t *Tracker) People(ctx context.Context, room string) ([]presence.Person, error) {
	r, err := t.mirror.lockMirrored(ctx, room)
	if err != nil {
		return nil, err
	}
	defer t.mirror.mu.Unlock()
	return r.list(), nil
}

// Count returns how many people this node knows in the room now. It waits for
// nothing. The error is presence.ErrClosed.
func (t *Tracker) Count(_ context.Context, room string) (int, error) {
	t.mirror.mu.Lock()
	defer t.mirror.mu.Unlock()
	if t.mirror.closed {
		return 0, presence.ErrClosed
	}
	n := 0
	if r := t.mirror.rooms[room]; r != nil {
		for _, p := range r.people {
			if p.isListed() {
				n++
			}
		}
	}
	return n, nil
}

// IsPresent reports whether the person has a live connection in the room. Errors
// and waiting are as for People.
func (t *Tracker) IsPresent(ctx context.Context, room, user string) (bool, error) {
	r, err := t.mirror.lockMirrored(ctx, room)
	if err != nil {
		return false, err
	}
	defer t.mirror.mu.Unlock()
	p := r.people[user]
	return p != nil && p.devices() > 0, nil
}

// Watch calls fn with the diffs of the mirrored rooms; see
// [presence.Watchers.Watch].
func (t *Tracker) Watch(fn func(presence.Diff)) (stop func()) { return t.watchers.Watch(fn) }

// WatchStatus begins an empty list of people; see [presence.Tracker]. While Redis
// does not answer, and while the node settles in a new life, a person's last
// status stands unless they come online on this node.
func (t *Tracker) WatchStatus(fn func(map[string]presence.UserStatus)) presence.StatusWatch {
	return t.statuses.Watch(fn)
}

// PublishTyping sends the typing marks of a place to the other nodes; see
// [presence.Typing.SetPublisher]. It does not wait. Only the latest marks of each
// place are kept until they are sent; marks are dropped while Redis does not
// answer.
func (t *Tracker) PublishTyping(p presence.Place, marks []byte) { t.typing.enqueue(p, marks) }

// Close ends the goroutines and waits for them. What this node wrote to Redis
// stays for the grace period, so that its people can reconnect to another node.
// Calling it again does nothing.
func (t *Tracker) Close() error {
	again, err := t.shutDown()
	if again {
		return nil
	}
	if !t.lease.isDegraded() { // else the lease expires by itself
		if e := t.lease.release(); e != nil {
			t.o.Log.Warn("presence: end the lease: other nodes show this node's people until it expires", "err", e)
		}
	}
	if e := t.client.Close(); e != nil && err == nil {
		err = e
	}
	return err
}

// shutDown closes everything but the client and the lease. It reports whether
// the tracker was closed before.
func (t *Tracker) shutDown() (again bool, err error) {
	t.mirror.mu.Lock()
	again, t.mirror.closed = t.mirror.closed, true
	t.mirror.mu.Unlock()
	t.stop()
	err = t.subscription.close() // ends the read of subscription.run
	t.done.Wait()
	t.watchers.Close()
	t.statuses.Close()
	return again, err
}

// receive takes a message of the subscription to the part that it is for.
func (t *Tracker) receive(message any) {
	switch m := message.(type) {
	case *goredis.Subscription:
		if m.Kind != "subscribe" {
			return
		}
		if t.subscription.confirm(m.Channel) == channelEstablishedAgain {
			t.lease.doubt()
		} else if user, ok := t.subscription.userOf(m.Channel); ok {
			t.statuses.Changed(user)
		} else {
			t.mirror.roomChanged(m.Channel, "") // only now can no change be missed
		}
	case *goredis.Message:
		if strings.Contains(m.Payload, " ") {
			t.receiveTyping(m.Channel, m.Payload)
		} else if user, ok := t.subscription.userOf(m.Channel); ok {
			t.statuses.Changed(user)
		} else {
			t.mirror.roomChanged(m.Channel, m.Payload)
		}
	}
}

// pause waits for d, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
