package redis

import (
	"context"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// reapBatch is how much of a set or a room the reaper asks for at a time, and how
// many entries one call of a script removes.
const reapBatch = 100

// reapDead removes what dead nodes wrote, a node at a time.
func (t *Tracker) reapDead(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.reapNow:
		}
		t.mu.Lock()
		nodes := t.reaps
		t.reaps = nil
		t.mu.Unlock()
		for i, node := range nodes {
			if ctx.Err() != nil || contains(nodes[:i], node) {
				continue
			}
			// Whoever has the next renewal tries again.
			if err := t.reap(ctx, node); err != nil && ctx.Err() == nil {
				t.log.Warn("presence: reaping a node", "err", err)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, other := range list {
		if other == s {
			return true
		}
	}
	return false
}

// reap removes all entries of a node, if no other node is at it. It can break off
// anywhere and be begun again.
func (t *Tracker) reap(ctx context.Context, node string) error {
	claim := t.keys.reap(node)
	ours, err := t.client.SetNX(ctx, claim, 1, reapClaim).Result()
	if err != nil || !ours {
		return err
	}
	for p := range partitions {
		part := strconv.Itoa(p)
		if err := t.client.Expire(ctx, claim, reapClaim).Err(); err != nil {
			return err
		}
		if err := t.reapSet(ctx, t.keys.index("r", part, node), func(encoded, index string) error {
			return t.reapRoom(ctx, encoded, index, node)
		}); err != nil {
			return err
		}
		if err := t.reapSet(ctx, t.keys.index("u", part, node), func(encoded, index string) error {
			keys := []string{t.keys.userKey("user", encoded), t.keys.userKey("seen", encoded), index}
			return userScript.Run(ctx, t.client, keys, encoded, node, -1, int(entryTTL.Seconds()),
				int(seenTTL.Seconds()), t.o.Lease.Milliseconds()).Err()
		}); err != nil {
			return err
		}
	}
	pipe := t.client.Pipeline()
	pipe.HDel(ctx, t.keys.nodes(), node)
	pipe.Del(ctx, claim)
	if _, err = pipe.Exec(ctx); err == nil {
		t.reaped.Add(1)
	}
	return err
}

// Reaped returns how many times this node has removed all that a dead one wrote.
func (t *Tracker) Reaped() uint64 { return t.reaped.Load() }

// reapSet calls remove for every member of an index, which takes it out.
func (t *Tracker) reapSet(ctx context.Context, index string, remove func(encoded, index string) error) error {
	for {
		members, err := t.client.SRandMemberN(ctx, index, reapBatch).Result()
		if err != nil || len(members) == 0 {
			return err
		}
		for _, m := range members {
			if err := remove(m, index); err != nil {
				return err
			}
		}
	}
}

func (t *Tracker) reapRoom(ctx context.Context, encoded, index, node string) error {
	key := t.keys.roomKey(encoded)
	drop := func(last int, conns []any) error {
		args := append([]any{encoded, node, last}, conns...)
		return dropScript.Run(ctx, t.client, []string{key, index}, args...).Err()
	}
	var cursor uint64
	for {
		fields, next, err := t.client.HScan(ctx, key, cursor, "c*", reapBatch).Result()
		if err != nil && err != goredis.Nil {
			return err
		}
		var conns []any
		for i := 0; i+1 < len(fields); i += 2 {
			if e, ok := parseEntry(fields[i+1]); ok && e.node == node {
				conns = append(conns, fields[i][1:], "*")
			}
		}
		for ; len(conns) > 2*reapBatch; conns = conns[2*reapBatch:] {
			if err := drop(0, conns[:2*reapBatch]); err != nil {
				return err
			}
		}
		if next == 0 {
			return drop(1, conns)
		}
		if err := drop(0, conns); err != nil {
			return err
		}
		cursor = next
	}
}
