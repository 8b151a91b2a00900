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

// write is one command of an exchange: a connection's entry (put.lua, drop.lua) or
// a person's devices (user.lua). Either conn or user is set.
type write struct {
	conn      *localConn
	state     byte   // of conn when the command was made
	person    string // user id of conn when the command was made
	onWritten []chan struct{}

	user    *user
	devices int // of user; −1: none, remove the person

	cmd *goredis.Cmd // nil: nothing to send
}

// takeConns takes a batch of connections off the queue and adds their commands to
// the pipeline. It needs mirror.mu.
func (w *writer) takeConns(ctx context.Context, pipe goredis.Pipeliner, node string) (writes []write) {
	n := min(writeBatch, len(w.conns))
	for _, c := range w.conns[:n] {
		c.queued = false
		wr := write{conn: c, state: c.state, person: c.member.User, onWritten: c.onWritten}
		c.onWritten = nil
		switch {
		case c.state != connGone:
			wr.cmd = w.put(ctx, pipe, node, c)
		case c.gen != "":
			wr.cmd = w.drop(ctx, pipe, node, c)
		default:
			c.room.removeIfGone(c)
		}
		if wr.cmd != nil || wr.onWritten != nil {
			writes = append(writes, wr)
		}
	}
	clear(w.conns[:n])
	w.conns = w.conns[n:]
	return writes
}

// takeUsers is takeConns for people. It needs mirror.mu.
func (w *writer) takeUsers(ctx context.Context, pipe goredis.Pipeliner, node string) (writes []write) {
	n := min(writeBatch, len(w.users))
	for _, u := range w.users[:n] {
		u.queued = false
		wr := write{user: u, devices: len(u.conns)}
		if !u.hasConns() {
			wr.devices = -1
			if !u.stored {
				delete(w.mirror.users, u.id)
				continue
			}
		}
		name := encode(u.id)
		keys := []string{w.keys.user(u.id), w.keys.seen(u.id), w.keys.index("u", partition(name), node)}
		value := "-1"
		if wr.devices >= 0 {
			value = devices{wr.devices, u.status}.String()
		}
		wr.cmd = userScript.EvalSha(ctx, pipe, keys, name, node, value,
			int(entryTTL.Seconds()), int(seenTTL.Seconds()), time.Since(u.left).Milliseconds())
		writes = append(writes, wr)
	}
	clear(w.users[:n])
	w.users = w.users[n:]
	return writes
}

// put adds the command that writes a connection's entry. It needs mirror.mu.
func (w *writer) put(ctx context.Context, pipe goredis.Pipeliner, node string, c *localConn) *goredis.Cmd {
	slot, since := -1, int64(0) // ms; 0: the person arrives now
	if p := c.room.people[c.member.User]; p != nil && p.hasCard {
		slot, since = p.card.slot, p.card.since.UnixMilli()
	} else if remembered, ok := w.mirror.slots.Get(c.room.name, c.member.User); ok {
		slot = remembered
	}
	gen := cmp.Or(c.gen, "0")
	if c.takeOver {
		gen, c.takeOver = "*", false
	}
	keys := []string{c.room.key, w.keys.index("r", partition(c.room.encoded), node)}
	return putScript.EvalSha(ctx, pipe, keys, c.room.encoded, c.name, node, gen, string(rune(c.state)),
		c.member.User, cardText(c.member.Name, c.member.Avatar), slot, presence.PreferredSlot(c.member.User),
		presence.SlotStep, since, int(entryTTL.Seconds()))
}

// drop adds the command that removes a connection's entry. It needs mirror.mu.
func (w *writer) drop(ctx context.Context, pipe goredis.Pipeliner, node string, c *localConn) *goredis.Cmd {
	last := 0
	if c.room.isOnlyConn(c) {
		last = 1
	}
	keys := []string{c.room.key, w.keys.index("r", partition(c.room.encoded), node)}
	return dropScript.EvalSha(ctx, pipe, keys, c.room.encoded, node, last, c.name, c.gen)
}

// applyReply takes note of the reply to a write of that node id. The error means
// that Redis does not work as it must. It needs mirror.mu.
func (w *writer) applyReply(node string, wr write) error {
	if wr.cmd == nil {
		return nil
	}
	reply, err := wr.cmd.Result()
	degraded := w.lease.isDegraded()
	if node != w.lease.nodeID() || degraded { // a new life writes everything again
		if wr.conn != nil && degraded {
			wr.conn.room.removeIfGone(wr.conn)
		}
		return nil
	}
	refused := errors.Is(err, goredis.Nil)
	if err != nil && !refused {
		return err
	}
	w.replies++
	switch c := wr.conn; {
	case c == nil:
		wr.user.stored = wr.devices >= 0
		if !wr.user.hasConns() && !wr.user.queued {
			delete(w.mirror.users, wr.user.id)
		}
	case wr.state == connGone:
		c.gen = ""
		if !c.queued {
			c.room.removeIfGone(c)
		}
	case refused:
		// Another node has taken the entry over. This node's connection stays
		// until its grace period ends: the room may not have been read since.
		c.gen = ""
	default:
		return w.applyPut(c, wr.person, reply)
	}
	return nil
}

// applyPut takes the generation and the card that put.lua returned. It needs
// mirror.mu.
func (w *writer) applyPut(c *localConn, user string, reply any) error {
	values, _ := reply.([]any)
	if len(values) != 2 {
		return errReply
	}
	gen, _ := values[0].(int64)
	text, _ := values[1].(string)
	card, ok := parseCard(text)
	if !ok {
		return fmt.Errorf("%w: card of a person: %q", errReply, text)
	}
	c.gen, c.genReply = strconv.FormatInt(gen, 10), w.replies
	if _, moved := c.room.remote[c.name]; moved {
		// The entry is no longer the other node's, and no message will say so.
		w.mirror.enqueueRead(c.room)
	}
	w.mirror.slots.Put(c.room.name, user, card.slot)
	if p := c.room.people[user]; p != nil {
		p.card, p.hasCard, p.cardReply = card, true, w.replies
		w.mirror.publish(c.room, user)
	}
	return nil
}
