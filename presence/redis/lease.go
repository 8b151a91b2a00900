package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// leases is what a renewal answers.
type leases struct {
	now    int64 // ms of Redis' clock
	epoch  string
	before string           // our lease until now
	own    string           // our lease from now on
	until  map[string]int64 // of all nodes
}

func (t *Tracker) takeLease(ctx context.Context, node string) (l leases, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	keys := []string{t.keys.nodes(), t.keys.epoch()}
	values, err := leaseScript.Run(ctx, t.client, keys, node, t.o.Lease.Milliseconds(), newID()).StringSlice()
	if err != nil {
		return l, err
	}
	if len(values) < 3 || len(values)%2 != 1 {
		return l, fmt.Errorf("%w: %d values", errReply, len(values))
	}
	l = leases{epoch: values[1], before: values[2], until: map[string]int64{}}
	if l.now, err = strconv.ParseInt(values[0], 10, 64); err != nil {
		return l, err
	}
	for i := 3; i < len(values); i += 2 {
		l.until[values[i]], _ = strconv.ParseInt(values[i+1], 10, 64)
		if values[i] == node {
			l.own = values[i+1]
		}
	}
	return l, nil
}

// keepLease renews the lease until ctx ends.
func (t *Tracker) keepLease(ctx context.Context) {
	ticker := time.NewTicker(t.o.Lease / 5)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-t.renewNow:
		}
		t.renew(ctx)
	}
}

// renew renews the lease, or begins a new life if the old one cannot be trusted.
func (t *Tracker) renew(ctx context.Context) {
	t.mu.Lock()
	node, begun := t.node, t.lease != ""
	sound := begun && !t.degraded && !t.lost
	t.mu.Unlock()
	if sound {
		l, err := t.takeLease(ctx, node)
		t.mu.Lock()
		before, _ := strconv.ParseInt(l.before, 10, 64)
		switch {
		case err != nil:
			t.degrade(err)
			t.mu.Unlock()
			return
		case !t.lost && l.before == t.lease && l.epoch == t.epoch && before >= l.now:
			t.lease = l.own
			t.judge(l)
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
	}
	t.rebirth(ctx)
}

// rebirth begins a new life.
func (t *Tracker) rebirth(ctx context.Context) {
	id := newID()
	t.mu.Lock()
	t.lost = false // what is lost from here on needs yet another life
	t.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	pipe := t.client.Pipeline()
	for _, source := range []string{putSource, dropSource, userSource} {
		pipe.ScriptLoad(limited, source) // Script.Load would lose its hash in a pipeline
	}
	_, err := pipe.Exec(limited)
	var l leases
	if err == nil {
		l, err = t.takeLease(ctx, id)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.degrade(err)
		return
	}
	if t.lease != "" {
		t.mine[t.node] = true
		t.quiet = time.Now().Add(t.o.Lease + t.o.Lease/2)
		t.log.Info("presence: Redis is back, writing everything again", "rooms", len(t.rooms))
	}
	t.node, t.lease, t.epoch = id, l.own, l.epoch
	t.degraded, t.hidden = false, false
	t.rewrite(true)
	t.reread()
	t.follow.ChangedAll()
}

// rewrite has all connections and people written. Under mu.
func (t *Tracker) rewrite(forget bool) {
	for _, r := range t.rooms {
		for _, c := range r.local {
			if forget {
				c.gen, c.claims = "", here(c.state)
			}
			t.writeLater(c)
		}
	}
	for _, u := range t.users {
		if forget {
			u.exists = false
		}
		t.writeUser(u)
	}
}

// reread has all rooms read. Under mu.
func (t *Tracker) reread() {
	for _, r := range t.rooms {
		t.readLater(r)
	}
}

// degrade goes on without Redis. Under mu.
func (t *Tracker) degrade(err error) {
	if t.degraded || t.closed {
		return
	}
	t.log.Warn("presence: Redis does not answer, going on alone", "err", err)
	t.degraded, t.since = true, time.Now()
	dirty, people := t.dirty, t.people
	t.dirty, t.people, t.typing = nil, nil, nil
	for _, c := range dirty {
		c.queued = false
		c.room.drop(c)
		for _, done := range c.waiting {
			close(done)
		}
		c.waiting = nil
	}
	for _, u := range people {
		u.queued = false
		t.writeUser(u)
	}
}

// judge finds the nodes that have died. Under mu.
func (t *Tracker) judge(l leases) {
	for id := range t.mine {
		if _, ok := l.until[id]; !ok {
			delete(t.mine, id)
		}
	}
	if time.Now().Before(t.quiet) {
		return
	}
	var died []string
	for id, until := range l.until {
		if until >= l.now {
			continue
		}
		if !t.dead[id] {
			t.dead[id] = true
			died = append(died, id)
		}
		t.reaps = append(t.reaps, id)
	}
	for id := range t.nodes {
		if _, ok := l.until[id]; ok || t.dead[id] {
			delete(t.absent, id)
			continue
		}
		// A node may have come between this answer and the room that it was
		// read in.
		if t.absent[id]++; t.absent[id] > 1 {
			t.dead[id] = true
			died = append(died, id)
		}
	}
	for id := range t.dead {
		if _, ok := l.until[id]; !ok && t.nodes[id] == 0 {
			delete(t.dead, id)
		}
	}
	if len(died) > 0 {
		t.bury(func(e remote) bool { return t.dead[e.node] })
		t.follow.ChangedAll()
	}
	if len(t.reaps) > 0 {
		signal(t.reapNow)
	}
}

// bury takes connections of other nodes out of all mirrors. Under mu.
func (t *Tracker) bury(which func(remote) bool) {
	for _, r := range t.rooms {
		touched := map[string]bool{}
		for name, e := range r.remote {
			if which(e) {
				t.setRemote(r, name, nil)
				touched[e.user] = true
			}
		}
		t.tellOf(r, touched)
	}
}

// keepTime ends grace periods, and does what is to be done now and then.
func (t *Tracker) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	refreshed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.clockNow:
		case <-timer.C:
		}
		now := time.Now()
		t.mu.Lock()
		wait := time.Second
		for len(t.due) > 0 {
			c := t.due[0]
			if left := c.due.Sub(now); left > 0 {
				wait = min(wait, left)
				break
			}
			if c.state == grace {
				t.end(c)
			} else {
				t.settle(c, now)
			}
		}
		if t.degraded && !t.hidden && now.Sub(t.since) > t.o.HideRemoteAfter {
			t.hidden = true
			t.bury(func(remote) bool { return true })
			t.follow.ChangedAll()
		}
		if !t.quiet.IsZero() && now.After(t.quiet) {
			t.quiet = time.Time{}
			t.reread()
		}
		if now.Sub(refreshed) > refresh {
			refreshed = now
			t.rewrite(false)
		}
		var idle []*room
		for _, r := range t.rooms {
			if len(r.local) == 0 && now.Sub(r.used) > linger {
				idle = append(idle, r)
			}
		}
		t.mu.Unlock()
		t.forgetIdle(idle)
		timer.Reset(wait)
	}
}

// forgetIdle ends the mirrors of rooms that nobody asks about any more.
func (t *Tracker) forgetIdle(rooms []*room) {
	for _, r := range rooms {
		wanted := t.o.KeepMirror != nil && t.o.KeepMirror(r.name)
		t.mu.Lock()
		switch {
		case t.rooms[r.name] != r || len(r.local) > 0 || time.Since(r.used) <= linger:
		case wanted:
			r.used = time.Now()
		default:
			t.forget(r)
		}
		t.mu.Unlock()
	}
}
