package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// batch is how many connections, and how many people, one exchange writes.
const batch = 100

// writeLater has the connection's state brought to Redis. It is the state that is
// queued and not the change, so the queue is as long as there are connections.
// Under mu.
func (t *Tracker) writeLater(c *conn) {
	if t.degraded {
		c.room.drop(c)
		return
	}
	if !c.queued {
		c.queued = true
		t.dirty = append(t.dirty, c)
	}
	signal(t.writeNow)
}

func (t *Tracker) writeUser(u *user) {
	if t.degraded {
		if !u.here() {
			delete(t.users, u.id)
		}
		return
	}
	if !u.queued {
		u.queued = true
		t.people = append(t.people, u)
	}
	signal(t.writeNow)
}

func (u *user) here() bool { return len(u.states) > 0 }

// drop forgets a connection that is gone.
func (r *room) drop(c *conn) {
	if c.state == gone && r.local[c.name] == c {
		delete(r.local, c.name)
	}
}

// A write is one command of a batch.
type write struct {
	conn    *conn
	user    *user
	state   byte // of the connection
	person  string
	devices int // of the user, −1 gone
	cmd     *goredis.Cmd
	waiting []chan struct{}
}

// write brings what has changed to Redis, one batch after the other.
func (t *Tracker) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.writeNow:
		}
		for ctx.Err() == nil && t.writeSome(ctx) {
		}
	}
}

func (t *Tracker) writeSome(ctx context.Context) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	pipe := t.client.Pipeline()
	t.mu.Lock()
	life := t.node
	writes := t.compose(ctx, pipe)
	more = len(t.dirty)+len(t.people) > 0
	t.mu.Unlock()
	if len(writes) == 0 {
		return more
	}
	_, err := pipe.Exec(ctx)
	if errors.Is(err, goredis.Nil) || isReply(err) {
		err = nil // said again by the command itself
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range writes {
		if err == nil {
			err = t.written(life, w)
		} else if w.conn != nil && t.degraded {
			w.conn.room.drop(w.conn)
		}
	}
	if err != nil {
		if life == t.node {
			t.degrade(err)
		}
		for _, w := range writes {
			if w.conn != nil {
				w.conn.room.drop(w.conn)
			}
		}
	}
	for _, w := range writes {
		for _, done := range w.waiting {
			close(done)
		}
	}
	return more && err == nil
}

func isReply(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply)
}

// compose takes a batch off the queues.
func (t *Tracker) compose(ctx context.Context, pipe goredis.Pipeliner) (writes []write) {
	if t.degraded {
		return nil
	}
	n := min(batch, len(t.dirty))
	for _, c := range t.dirty[:n] {
		c.queued = false
		w := write{conn: c, state: c.state, person: c.member.User, waiting: c.waiting}
		c.waiting = nil
		switch {
		case c.state != gone:
			w.cmd = t.put(ctx, pipe, c)
		case c.gen != "":
			keys := []string{c.room.key, t.keys.index("r", partition(c.room.encoded), t.node)}
			w.cmd = dropScript.EvalSha(ctx, pipe, keys, c.room.encoded, t.node, c.room.isLast(c), c.name, c.gen)
		default:
			c.room.drop(c)
		}
		if w.cmd != nil || w.waiting != nil {
			writes = append(writes, w)
		}
	}
	clear(t.dirty[:n])
	t.dirty = t.dirty[n:]
	n = min(batch, len(t.people))
	for _, u := range t.people[:n] {
		u.queued = false
		w := write{user: u, devices: len(u.conns)}
		if !u.here() {
			w.devices = -1
			if !u.exists {
				delete(t.users, u.id)
				continue
			}
		}
		name := encode(u.id)
		keys := []string{t.keys.user(u.id), t.keys.seen(u.id), t.keys.index("u", partition(name), t.node)}
		value := "-1"
		if w.devices >= 0 {
			value = devices{w.devices, u.status}.String()
		}
		w.cmd = userScript.EvalSha(ctx, pipe, keys, name, t.node, value,
			int(entryTTL.Seconds()), int(seenTTL.Seconds()), time.Since(u.left).Milliseconds())
		writes = append(writes, w)
	}
	clear(t.people[:n])
	t.people = t.people[n:]
	return writes
}

func (t *Tracker) put(ctx context.Context, pipe goredis.Pipeliner, c *conn) *goredis.Cmd {
	had, since := -1, int64(0)
	if p := c.room.people[c.member.User]; p != nil && p.known {
		had, since = p.card.slot, p.card.since.UnixMilli()
	} else if slot, ok := t.slots.Get(c.room.name, c.member.User); ok {
		had = slot
	}
	gen := cmp.Or(c.gen, "0")
	if c.claims {
		gen, c.claims = "*", false
	}
	keys := []string{c.room.key, t.keys.index("r", partition(c.room.encoded), t.node)}
	return putScript.EvalSha(ctx, pipe, keys, c.room.encoded, c.name, t.node, gen, string(rune(c.state)),
		c.member.User, face(c.member.Name, c.member.Avatar), had, presence.PreferredSlot(c.member.User),
		presence.SlotStep, since, int(entryTTL.Seconds()))
}

// isLast is 1 if nobody of this node remains in the room without c.
func (r *room) isLast(c *conn) int {
	for _, other := range r.local {
		if other != c && other.state != gone {
			return 0
		}
	}
	return 1
}

// written takes note of a reply. Under mu.
func (t *Tracker) written(life string, w write) error {
	if w.cmd == nil {
		return nil
	}
	reply, err := w.cmd.Result()
	if life != t.node || t.degraded { // a new life writes everything again
		if w.conn != nil && t.degraded {
			w.conn.room.drop(w.conn)
		}
		return nil
	}
	refused := errors.Is(err, goredis.Nil)
	if err != nil && !refused {
		return err
	}
	t.writes++
	switch c := w.conn; {
	case c == nil:
		w.user.exists = w.devices >= 0
		if !w.user.here() && !w.user.queued {
			delete(t.users, w.user.id)
		}
	case w.state == gone:
		c.gen = ""
		if !c.queued {
			c.room.drop(c)
		}
	case refused:
		// Another node has taken it over. Ours stays until the grace period is
		// over: the room may not have been read since.
		c.gen = ""
	default:
		values, _ := reply.([]any)
		if len(values) != 2 {
			return errReply
		}
		gen, _ := values[0].(int64)
		text, _ := values[1].(string)
		card, ok := parseCard(text)
		if !ok {
			return fmt.Errorf("%w: a person is %q", errReply, text)
		}
		c.gen, c.changed = strconv.FormatInt(gen, 10), t.writes
		if _, moved := c.room.remote[c.name]; moved {
			t.readLater(c.room) // it is not the other node's any more, and nobody else says so
		}
		t.slots.Put(c.room.name, w.person, card.slot)
		if p := c.room.people[w.person]; p != nil {
			p.card, p.known, p.changed = card, true, t.writes
			t.show(c.room, w.person)
		}
	}
	return nil
}
