// Package redis is a presence tracker for several nodes that share one Redis
// (7.0 or newer, or Valkey).
//
// A node keeps its own connections in memory, writes them to Redis behind the
// callers' backs, and mirrors the rooms it has to do with: it subscribes to a
// room's channel, and whenever that speaks, reads the room whole and tells the
// difference. So a lost message costs time and never truth.
//
// Redis knows which nodes live, by a lease each, and not which connections:
//
//	node ends cleanly   its lease is cut to the grace period
//	node crashes        its lease runs out; every other node stops showing its
//	                    people, and one of them removes what it wrote
//	Redis does not answer, restarts, was emptied, or the lease was not renewed
//	                    the node is degraded: it goes on alone. When Redis is
//	                    back the node begins a new life, under a new id: writes
//	                    everything again and leaves the old id to be reaped
package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// Options of a Tracker. The zero value of a field means the default.
type Options struct {
	// URL of Redis: redis://[user:password@]host:port/db, rediss:// for TLS.
	URL string
	// Prefix of every key and channel; "weft".
	Prefix string
	// Grace is how long a person stays after their last connection to a room
	// ended. 0 means presence.Grace; below 0 means not at all.
	Grace time.Duration
	// Idle and Away replace presence.IdleAfter and AwayAfter; 0 does not.
	Idle, Away time.Duration
	// Lease is how long others believe in a node that they hear nothing of; 10 s.
	// It is renewed five times in that time.
	Lease time.Duration
	// Hold is how long people on other nodes go on being shown while Redis does
	// not answer; 60 s.
	HideRemoteAfter time.Duration
	// Timeout of one exchange with Redis; 2 s.
	Timeout time.Duration
	// Wanted tells whether a room is still followed although nobody on this node
	// is in it. It is called with no lock held. Nil means no.
	KeepMirror func(room string) bool
	// Typing gets what another node told with PublishTyping; nil passes it over. It
	// must not call the tracker and return quickly.
	OnTyping func(p presence.Place, node string, marks []byte)
	// Log gets when Redis is lost and found; nil discards it.
	Log *slog.Logger
}

// ErrURL refuses Options.URL.
var ErrURL = errors.New("presence/redis: the URL is like redis://user:password@host:6379/0")

// linger is how long a room that nobody here is in stays mirrored.
const linger = time.Minute

// Tracker is a [presence.Tracker] over Redis. Diffs reach its watchers for the
// rooms that somebody on this node is in, or that Options.Wanted names, or that
// People or Here were asked about in the last minute.
//
// No call waits for Redis longer than Options.Timeout, and none fails because
// Redis does: the answer is then what this node knows.
type Tracker struct {
	o      Options
	keys   keys
	log    *slog.Logger
	client *goredis.Client
	feed   *presence.Watchers
	follow *presence.StatusWatchers
	stop   context.CancelFunc
	done   sync.WaitGroup
	reaped atomic.Uint64

	// Flags that a goroutine waits for, capacity 1.
	writeNow, readNow, renewNow, clockNow, reapNow, typeNow chan struct{}

	mu       sync.Mutex
	pubsub   *goredis.PubSub
	closed   bool
	node     string // of this life
	lease    string // as written last; "": this life has not begun
	epoch    string // of Redis
	lost     bool   // something showed that Redis may have lost what we wrote
	heard    bool   // the subscription has been confirmed once
	degraded bool
	since    time.Time       // degraded since
	hidden   bool            // others' people are not shown any more: it took too long
	quiet    time.Time       // until then nobody is declared dead and nothing missing is believed
	mine     map[string]bool // ids of our former lives that Redis still has
	rooms    map[string]*room
	byKey    map[string]*room
	followed map[string]string // people that are followed, by key
	users    map[string]*user
	slots    *presence.SlotMemory
	nodes    map[string]int            // entries in mirrors, by node
	dead     map[string]bool           // nodes whose lease ran out
	absent   map[string]int            // renewals in which a node had no lease
	reaps    []string                  // nodes to reap
	dirty    []*conn                   // to be written, each once
	people   []*user                   // to be written, each once
	stale    []*room                   // to be read, each once
	join     []string                  // channels to subscribe to
	part     []string                  // channels to unsubscribe from
	due      deadlines                 // connections that will change by themselves
	typing   map[presence.Place][]byte // to be told to other nodes
	writes   uint64                    // replies to writes so far
}

var _ presence.Tracker = (*Tracker)(nil)

// CheckURL tells whether Options.URL can be meant.
func CheckURL(url string) error {
	if _, err := goredis.ParseURL(url); err != nil {
		return ErrURL // err may quote the password
	}
	return nil
}

// New starts a tracker. It does not wait for Redis: while there is none it is
// degraded. The error is a bad URL. Close it.
func New(o Options) (*Tracker, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	goredis.SetLogger(&chatter{log: o.Log}) // before anything that may speak
	options, err := goredis.ParseURL(o.URL)
	if err != nil {
		return nil, ErrURL
	}
	o.Grace = cmp.Or(o.Grace, presence.Grace)
	o.Idle, o.Away = cmp.Or(o.Idle, presence.IdleAfter), cmp.Or(o.Away, presence.AwayAfter)
	o.Lease = cmp.Or(o.Lease, 10*time.Second)
	o.HideRemoteAfter = cmp.Or(o.HideRemoteAfter, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	o.Prefix = cmp.Or(o.Prefix, "weft")
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = o.Timeout, o.Timeout, o.Timeout
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1 // a lost connection must show
	options.PoolSize = 8
	options.DisableIdentity = true
	t := &Tracker{
		o: o, keys: keys(o.Prefix), log: o.Log, client: goredis.NewClient(options), feed: presence.NewWatchers(),
		writeNow: make(chan struct{}, 1), readNow: make(chan struct{}, 1),
		renewNow: make(chan struct{}, 1), clockNow: make(chan struct{}, 1),
		reapNow: make(chan struct{}, 1), typeNow: make(chan struct{}, 1), mine: map[string]bool{},
		node: newID(), degraded: true, since: time.Now(),
		rooms: map[string]*room{}, byKey: map[string]*room{}, followed: map[string]string{}, users: map[string]*user{},
		slots: presence.NewSlotMemory(), nodes: map[string]int{}, dead: map[string]bool{}, absent: map[string]int{},
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.follow = presence.NewStatusWatchers(func(users []string) map[string]presence.UserStatus { return t.look(ctx, users) }, t.concern)
	t.pubsub = t.client.Subscribe(ctx, t.keys.nodes())
	t.renew(ctx) // so that a Redis that answers is used from the first moment
	t.done.Go(func() { t.reapDead(ctx) })
	t.done.Go(func() { t.keepLease(ctx) })
	t.done.Go(func() { t.keepTime(ctx) })
	t.done.Go(func() { t.write(ctx) })
	t.done.Go(func() { t.read(ctx) })
	t.done.Go(func() { t.listen(ctx) })
	t.done.Go(func() { t.publish(ctx) })
	return t, nil
}

// newID is a name that nothing else has: 72 random bits.
func newID() string {
	var b [9]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Degraded tells whether the node goes on without Redis.
func (t *Tracker) Degraded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.degraded
}

// Join adds or replaces a connection. It waits until Redis has it, so that the
// slot is the person's over all nodes.
func (t *Tracker) Join(ctx context.Context, m presence.Member) (presence.Person, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return presence.Person{}, presence.ErrClosed
	}
	r := t.room(m.Room)
	c := r.local[m.Conn]
	if c == nil {
		c = &conn{room: r, name: m.Conn, index: -1}
		r.local[m.Conn] = c
	}
	if c.member.User != m.User {
		t.detach(c)
	}
	c.member = m
	if !here(c.state) {
		c.active = time.Now()
		t.attach(c, online)
	}
	c.claims = true
	p := r.person(m.User)
	written := make(chan struct{})
	if t.degraded {
		t.adopt(p)
		close(written)
	} else {
		c.waiting = append(c.waiting, written)
		t.writeLater(c)
	}
	t.mu.Unlock()

	timer := time.NewTimer(t.o.Timeout)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return presence.Person{}, presence.ErrClosed
	}
	t.adopt(p)
	return p.now(), nil
}

// Leave ends a connection.
func (t *Tracker) Leave(_ context.Context, room, name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return presence.ErrClosed
	}
	r := t.rooms[room]
	if r == nil || r.local[name] == nil || !here(r.local[name].state) {
		return nil
	}
	c := r.local[name]
	if t.o.Grace <= 0 {
		t.end(c)
		return nil
	}
	t.attach(c, grace)
	t.writeLater(c)
	t.show(r, c.member.User)
	return nil
}

// Touch notes activity on a connection.
func (t *Tracker) Touch(_ context.Context, room, name string) error {
	return t.stir(room, name, func(c *conn, now time.Time) { c.active = now })
}

// Rest makes a connection idle, unless it is idle longer.
func (t *Tracker) MarkIdle(_ context.Context, room, name string) error {
	return t.stir(room, name, func(c *conn, now time.Time) {
		if quiet := now.Add(-t.o.Idle); c.active.After(quiet) {
			c.active = quiet
		}
	})
}

func (t *Tracker) stir(room, name string, f func(c *conn, now time.Time)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return presence.ErrClosed
	}
	r := t.rooms[room]
	if r == nil || r.local[name] == nil || !here(r.local[name].state) {
		return nil
	}
	now := time.Now()
	f(r.local[name], now)
	t.settle(r.local[name], now)
	return nil
}

// People lists the people in the room, by arrival.
func (t *Tracker) People(ctx context.Context, name string) ([]presence.Person, error) {
	r, err := t.mirror(ctx, name)
	if err != nil {
		return nil, err
	}
	defer t.mu.Unlock()
	return r.list(), nil
}

// Count is how many people are in the room as this node knows it now.
func (t *Tracker) Count(_ context.Context, name string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, presence.ErrClosed
	}
	r := t.rooms[name]
	if r == nil {
		return 0, nil
	}
	n := 0
	for _, p := range r.people {
		if p.listed() {
			n++
		}
	}
	return n, nil
}

// Here tells whether the person has a live connection in the room.
func (t *Tracker) IsPresent(ctx context.Context, name, user string) (bool, error) {
	r, err := t.mirror(ctx, name)
	if err != nil {
		return false, err
	}
	defer t.mu.Unlock()
	p := r.people[user]
	return p != nil && p.devices() > 0, nil
}

// mirror returns the room as mirrored, with the lock held unless it fails. A
// room that was not mirrored is read first.
func (t *Tracker) mirror(ctx context.Context, name string) (*room, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, presence.ErrClosed
	}
	r := t.room(name)
	if r.mirrored || t.degraded {
		return r, nil
	}
	ready := r.ready
	t.mu.Unlock()
	timer := time.NewTimer(t.o.Timeout)
	defer timer.Stop()
	select {
	case <-ready:
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, presence.ErrClosed
	}
	return t.room(name), nil
}

// Watch calls fn with the diffs of the rooms that this node follows; see
// [presence.Watchers.Watch].
func (t *Tracker) Watch(fn func(presence.Diff)) (stop func()) { return t.feed.Watch(fn) }

// Close ends the goroutines and waits for them. What this node wrote stays for
// the grace period, for its people to come back on another node.
func (t *Tracker) Close() error {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	node, degraded, pubsub := t.node, t.degraded, t.pubsub
	t.mu.Unlock()
	t.stop()
	err := pubsub.Close() // ends listen's read
	t.done.Wait()
	t.feed.Close()
	t.follow.Close()
	if again {
		return nil
	}
	if !degraded { // else the lease runs out by itself
		ctx, cancel := context.WithTimeout(context.Background(), t.o.Timeout)
		defer cancel()
		keys := []string{t.keys.nodes(), t.keys.epoch()}
		left := max(t.o.Grace, time.Millisecond).Milliseconds()
		if e := leaseScript.Run(ctx, t.client, keys, node, left, newID()).Err(); e != nil {
			t.log.Warn("presence: Redis was not told of the end", "err", e)
		}
	}
	if e := t.client.Close(); e != nil && err == nil {
		err = e
	}
	return err
}

// signal sets a flag that a goroutine waits for; set twice is set once.
func signal(flag chan<- struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}
