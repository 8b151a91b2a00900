package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence/internal/signal"
)

// lease is this node's lifetime key in Redis, and what its renewals show about other
// nodes (nodes.go). Its states are listed in doc.go. Its goroutine is run.
//
// Methods that change the state need mirror.mu too, unless they say that they take
// it. Methods that only read need no lock.
type lease struct {
	o      Options
	keys   keys
	client *goredis.Client
	reaper *reaper
	mirror *mirror
	onLost func() // the node has become degraded; called with mirror.mu held

	renewNow signal.Signal

	mu            sync.Mutex
	node          string // id of this life
	value         string // of the lease in Redis; "": this node has not taken one yet
	epoch         string // of the Redis that has the lease
	inDoubt       bool   // Redis may have lost what this node wrote
	degraded      bool
	degradedSince time.Time
	remotesHidden bool            // degraded for so long that people of other nodes are not shown
	settledAt     time.Time       // end of settling; zero: settled
	former        map[string]bool // ids of former lives that Redis still has
	dead          map[string]bool // nodes whose people are not shown
	absences      map[string]int  // renewals in a row in which a node had no lease
}

func newLease(o Options, keys keys, client *goredis.Client, reaper *reaper) *lease {
	return &lease{
		o: o, keys: keys, client: client, reaper: reaper, renewNow: signal.New(),
		node: newID(), degraded: true, degradedSince: time.Now(),
		former: map[string]bool{}, dead: map[string]bool{}, absences: map[string]int{},
	}
}

// run renews the lease five times in its lifetime, and at once when it is in doubt,
// until ctx ends.
func (l *lease) run(ctx context.Context) {
	ticker := time.NewTicker(l.o.Lease / 5)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-l.renewNow:
		}
		l.renew(ctx)
	}
}

// leaseReply is what lease.lua returns.
type leaseReply struct {
	now    int64            // ms of Redis' clock
	epoch  string           // id that Redis has kept since it was empty
	before string           // value of the node's lease before the call; "0": none
	own    string           // value of the node's lease after the call
	ends   map[string]int64 // end of every node's lease, ms of Redis' clock
}

// write sets the node's lease to end after ttl.
func (l *lease) write(ctx context.Context, node string, ttl time.Duration) (r leaseReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	keys := []string{l.keys.nodes(), l.keys.epoch()}
	values, err := leaseScript.Run(ctx, l.client, keys, node, ttl.Milliseconds(), newID()).StringSlice()
	if err != nil {
		return r, err
	}
	if len(values) < 3 || len(values)%2 != 1 {
		return r, fmt.Errorf("%w: lease with %d values", errReply, len(values))
	}
	r = leaseReply{epoch: values[1], before: values[2], ends: map[string]int64{}}
	if r.now, err = strconv.ParseInt(values[0], 10, 64); err != nil {
		return r, err
	}
	for i := 3; i < len(values); i += 2 {
		r.ends[values[i]], _ = strconv.ParseInt(values[i+1], 10, 64)
		if values[i] == node {
			r.own = values[i+1]
		}
	}
	return r, nil
}

// renew renews the lease, or begins a new life if the present one cannot be
// trusted. It takes mirror.mu.
func (l *lease) renew(ctx context.Context) {
	l.mu.Lock()
	node := l.node
	trusted := l.value != "" && !l.degraded && !l.inDoubt
	l.mu.Unlock()
	if trusted {
		reply, err := l.write(ctx, node, l.o.Lease)
		if l.finishRenewal(reply, err) {
			return
		}
	}
	l.beginLife(ctx)
}

// finishRenewal takes the reply to a renewal. done is false if a new life must
// begin. It takes mirror.mu.
func (l *lease) finishRenewal(r leaseReply, err error) (done bool) {
	l.mirror.mu.Lock()
	defer l.mirror.mu.Unlock()
	if err != nil {
		l.lose(err)
		return true
	}
	before, _ := strconv.ParseInt(r.before, 10, 64)
	l.mu.Lock()
	valid := !l.inDoubt && r.before == l.value && r.epoch == l.epoch && before >= r.now
	if valid {
		l.value = r.own
	}
	l.mu.Unlock()
	if valid {
		l.removeDeadNodes(r)
	}
	return valid
}

// beginLife takes a lease under a new node id and has everything written and read
// again. It takes mirror.mu.
func (l *lease) beginLife(ctx context.Context) {
	id := newID()
	l.mu.Lock()
	l.inDoubt = false // a doubt that arises from here on needs yet another life
	l.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	pipe := l.client.Pipeline()
	for _, source := range []string{putSource, dropSource, userSource} {
		pipe.ScriptLoad(limited, source) // Script.Load would lose its hash in a pipeline
	}
	_, err := pipe.Exec(limited)
	var r leaseReply
	if err == nil {
		r, err = l.write(limited, id, l.o.Lease)
	}
	l.mirror.mu.Lock()
	defer l.mirror.mu.Unlock()
	if err != nil {
		l.lose(err)
		return
	}
	l.mu.Lock()
	if l.value != "" {
		l.former[l.node] = true
		l.settledAt = time.Now().Add(l.o.Lease + l.o.Lease/2)
		l.o.Log.Info("presence: Redis answers again: writing all connections again", "rooms", len(l.mirror.rooms))
	}
	l.node, l.value, l.epoch = id, r.own, r.epoch
	l.degraded, l.remotesHidden = false, false
	l.mu.Unlock()
	l.mirror.beginLife()
}

// lose makes the node degraded after an exchange with Redis has failed.
func (l *lease) lose(err error) {
	if l.mirror.closed {
		return
	}
	l.mu.Lock()
	again := l.degraded
	if !again {
		l.degraded, l.degradedSince = true, time.Now()
	}
	l.mu.Unlock()
	if again {
		return
	}
	l.o.Log.Warn("presence: Redis does not answer: people of other nodes are not updated until it does", "err", err)
	l.onLost()
}

// doubt has a new life begun soon, because Redis may have lost what this node
// wrote. It needs no lock.
func (l *lease) doubt() {
	l.mu.Lock()
	l.inDoubt = true
	l.mu.Unlock()
	l.renewNow.Set()
}

// doubtEpoch is doubt, unless a life under another epoch has begun meanwhile.
func (l *lease) doubtEpoch(epoch string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == epoch {
		l.inDoubt = true
		l.renewNow.Set()
	}
}

// release shortens the lease to the grace period, when the tracker closes.
func (l *lease) release() error {
	_, err := l.write(context.Background(), l.nodeID(), max(l.o.Grace, time.Millisecond))
	return err
}

// hideRemotes reports, once, that the people of other nodes must no longer be
// shown.
func (l *lease) hideRemotes(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.degraded || l.remotesHidden || now.Sub(l.degradedSince) <= l.o.HideRemoteAfter {
		return false
	}
	l.remotesHidden = true
	return true
}

// endSettling reports, once, that settling in a new life is over.
func (l *lease) endSettling(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settledAt.IsZero() || !now.After(l.settledAt) {
		return false
	}
	l.settledAt = time.Time{}
	return true
}

// nodeID returns the id of the present life.
func (l *lease) nodeID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node
}

// isDegraded reports whether the node serves its people without Redis.
func (l *lease) isDegraded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.degraded
}

// isEpoch reports whether epoch is that of the Redis that has the lease.
func (l *lease) isEpoch(epoch string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch == epoch
}

// isSettling reports whether the other nodes may still be writing their connections
// again. Then an entry missing in Redis does not prove that its connection has closed.
func (l *lease) isSettling() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.settledAt)
}

// knowledge says how far the status of people on other nodes can be known.
type knowledge struct {
	epoch    string
	degraded bool
	complete bool // a person whom neither this node nor Redis has is offline
}

// knowledge returns it as of now.
func (l *lease) knowledge() knowledge {
	l.mu.Lock()
	defer l.mu.Unlock()
	settled := !l.degraded && !time.Now().Before(l.settledAt)
	return knowledge{epoch: l.epoch, degraded: l.degraded, complete: settled || l.remotesHidden}
}
