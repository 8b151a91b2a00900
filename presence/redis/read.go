package redis

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	readBatch   = 32  // rooms read in one exchange
	subscribeAt = 500 // channels in one command
	readPause   = 5 * time.Millisecond
	pingAfter   = 3 * time.Second // of silence on the subscription
)

// readLater has a room read whole. Under mu.
func (t *Tracker) readLater(r *room) {
	if !r.unread {
		r.unread = true
		t.stale = append(t.stale, r)
	}
	signal(t.readNow)
}

// read subscribes, and reads rooms that have changed. After each exchange it
// pauses for as long as that took, and while it pauses changes gather: a large
// room in which much happens is read less often, not more.
func (t *Tracker) read(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.readNow:
		}
		t.subscribe(ctx)
		for ctx.Err() == nil {
			begun := time.Now()
			if !t.readSome(ctx) {
				break
			}
			pause(ctx, max(readPause, time.Since(begun)))
		}
	}
}

// pause waits, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// subscribe follows the rooms that came and leaves those that went. An error
// shows in listen, which subscribes to all again.
func (t *Tracker) subscribe(ctx context.Context) {
	t.mu.Lock()
	pubsub := t.pubsub
	var join, part []string
	for _, key := range t.part {
		if !t.wants(key) {
			part = append(part, key)
		}
	}
	for _, key := range t.join {
		if t.wants(key) {
			join = append(join, key)
		}
	}
	t.join, t.part = nil, nil
	t.mu.Unlock()
	for ; len(part) > 0; part = part[min(subscribeAt, len(part)):] {
		_ = pubsub.Unsubscribe(ctx, part[:min(subscribeAt, len(part))]...)
	}
	for ; len(join) > 0; join = join[min(subscribeAt, len(join)):] {
		_ = pubsub.Subscribe(ctx, join[:min(subscribeAt, len(join))]...)
	}
}

// listen hears which rooms have changed.
func (t *Tracker) listen(ctx context.Context) {
	silent := 0
	for ctx.Err() == nil {
		t.mu.Lock()
		pubsub := t.pubsub
		t.mu.Unlock()
		news, err := pubsub.ReceiveTimeout(ctx, pingAfter)
		var network net.Error
		switch {
		case err == nil:
			silent = 0
			t.hear(news)
		case errors.As(err, &network) && network.Timeout():
			if silent++; silent > 2 {
				silent = 0
				t.resubscribe(ctx)
			} else {
				_ = pubsub.Ping(ctx)
			}
		default:
			pause(ctx, 200*time.Millisecond)
		}
	}
}

func (t *Tracker) hear(news any) {
	if m, ok := news.(*goredis.Message); ok && strings.Contains(m.Payload, " ") {
		t.heardTyping(m.Channel, m.Payload)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m := news.(type) {
	case *goredis.Subscription:
		if m.Kind != "subscribe" {
			return
		}
		if m.Channel == t.keys.nodes() {
			if t.heard {
				t.lost = true
				signal(t.renewNow)
			}
			t.heard = true
		} else if r := t.byKey[m.Channel]; r != nil {
			t.readLater(r) // only now is no change missed
		} else if user, ok := t.followed[m.Channel]; ok {
			t.follow.Changed(user)
		}
	case *goredis.Message:
		if user, ok := t.followed[m.Channel]; ok {
			t.follow.Changed(user)
		}
		if r := t.byKey[m.Channel]; r != nil && m.Payload != t.node {
			t.readLater(r)
		}
	}
}

// resubscribe replaces a subscription whose connection has gone deaf.
func (t *Tracker) resubscribe(ctx context.Context) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	old := t.pubsub
	t.pubsub = t.client.Subscribe(ctx) // of no channel yet: does no input or output
	for key := range t.byKey {
		t.join = append(t.join, key)
	}
	for key := range t.followed {
		t.join = append(t.join, key)
	}
	pubsub := t.pubsub
	t.mu.Unlock()
	_ = old.Close()
	_ = pubsub.Subscribe(ctx, t.keys.nodes())
	signal(t.readNow)
}

// readSome reads some of the stale rooms.
func (t *Tracker) readSome(ctx context.Context) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	t.mu.Lock()
	if t.degraded || len(t.stale) == 0 {
		t.mu.Unlock()
		return false
	}
	n := min(readBatch, len(t.stale))
	rooms := t.stale[:n:n]
	t.stale = t.stale[n:]
	for _, r := range rooms {
		r.unread = false
	}
	life, writes := t.node, t.writes
	t.mu.Unlock()

	pipe := t.client.Pipeline()
	found := make([]*goredis.MapStringStringCmd, n)
	for i, r := range rooms {
		found[i] = pipe.HGetAll(ctx, r.key)
	}
	// Last, so that rooms read before from another Redis than we know are not
	// believed.
	epoch := pipe.Get(ctx, t.keys.epoch())
	_, err := pipe.Exec(ctx)

	t.mu.Lock()
	defer t.mu.Unlock()
	if life != t.node { // all rooms are stale again
		return true
	}
	if err != nil && !errors.Is(err, goredis.Nil) {
		t.degrade(err)
		return false
	}
	if epoch.Val() != t.epoch {
		t.lost = true
		signal(t.renewNow)
		for _, r := range rooms {
			t.readLater(r)
		}
		pauseNeeded := !t.degraded
		return pauseNeeded
	}
	for i, r := range rooms {
		if t.byKey[r.key] == r {
			t.apply(r, found[i].Val(), writes)
		}
	}
	return len(t.stale) > 0
}

// apply makes the mirror what was read. What a reply brought since writes may be
// newer than what was read, or older: the room is then read again. Under mu.
func (t *Tracker) apply(r *room, fields map[string]string, writes uint64) {
	touched := map[string]bool{}
	now := make(map[string]remote, len(fields))
	for field, value := range fields {
		if e, ok := parseEntry(value); ok && field[0] == 'c' && e.node != t.node && !t.mine[e.node] && !t.dead[e.node] {
			now[field[1:]] = remote{node: e.node, state: e.state, user: e.user}
			touched[e.user] = true
		}
	}
	for name, old := range r.remote {
		if _, stays := now[name]; stays || time.Now().Before(t.quiet) {
			continue
		}
		touched[old.user] = true
		t.setRemote(r, name, nil)
	}
	for name, e := range now {
		if old, ok := r.remote[name]; ok && old == e {
			continue
		} else if ok {
			touched[old.user] = true
		}
		t.setRemote(r, name, &e)
	}
	for field, value := range fields {
		if field[0] != 'p' {
			continue
		}
		p := r.people[field[1:]]
		if p == nil {
			continue
		}
		switch c, ok := parseCard(value); {
		case !ok || p.known && p.card == c:
		case p.known && p.changed > writes:
			t.readLater(r)
		default:
			p.card, p.known = c, true
			touched[p.id] = true
		}
	}
	t.verify(r, now, fields, writes)
	t.tellOf(r, touched)
	if !r.mirrored {
		r.mirrored = true
		close(r.ready)
	}
}

// verify writes again what this node wrote and the room as read does not have: a
// tab that is online here is so for all, unless another node says the same of it.
// Under mu.
func (t *Tracker) verify(r *room, others map[string]remote, fields map[string]string, writes uint64) {
	for name, c := range r.local {
		if !here(c.state) || c.gen == "" || c.queued {
			continue
		}
		_, exists := fields["c"+name]
		other, moved := others[name]
		switch {
		case c.changed > writes:
			if moved { // there or back again
				t.readLater(r)
			}
		case !exists, moved && other.state == grace:
			c.claims = true
			t.writeLater(c)
		}
	}
}
