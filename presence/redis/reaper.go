package redis

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence/internal/signal"
)

// reapBatch is how many members of a set or fields of a hash are asked for at a
// time, and how many entries one call of a script removes.
const reapBatch = 100

// reaper removes from Redis what dead nodes wrote, one node at a time. Its
// goroutine is run. The queue is a set of node ids. A node that could not be
// finished is queued again by the next renewal of the lease, here or elsewhere.
type reaper struct {
	o         Options
	keys      keys
	client    *goredis.Client
	wake      signal.Signal
	completed atomic.Uint64 // nodes of which everything was removed

	mu    sync.Mutex
	nodes map[string]bool
}

func newReaper(o Options, keys keys, client *goredis.Client) *reaper {
	return &reaper{o: o, keys: keys, client: client, wake: signal.New(), nodes: map[string]bool{}}
}

// enqueue has the entries of the nodes removed. It never waits.
func (r *reaper) enqueue(nodes []string) {
	if len(nodes) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range nodes {
		r.nodes[id] = true
	}
	r.wake.Set()
}

// run reaps the queued nodes until ctx ends.
func (r *reaper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.mu.Lock()
		nodes := slices.Collect(maps.Keys(r.nodes))
		clear(r.nodes)
		r.mu.Unlock()
		for _, node := range nodes {
			if ctx.Err() != nil {
				return
			}
			if err := r.reap(ctx, node); err != nil && ctx.Err() == nil {
				r.o.Log.Warn("presence: remove the entries of a dead node: will be tried again", "err", err)
			}
		}
	}
}

// reap removes all entries of a node, unless another node has claimed that. It can
// stop anywhere and be begun again.
func (r *reaper) reap(ctx context.Context, node string) error {
	claim := r.keys.reap(node)
	claimed, err := r.client.SetNX(ctx, claim, 1, reapClaim).Result()
	if err != nil || !claimed {
		return err
	}
	for p := range partitions {
		if err := r.client.Expire(ctx, claim, reapClaim).Err(); err != nil {
			return err
		}
		if err := r.reapPartition(ctx, strconv.Itoa(p), node); err != nil {
			return err
		}
	}
	pipe := r.client.Pipeline()
	pipe.HDel(ctx, r.keys.nodes(), node)
	pipe.Del(ctx, claim)
	if _, err = pipe.Exec(ctx); err == nil {
		r.completed.Add(1)
	}
	return err
}

// reapPartition removes the node's entries in the rooms and people of a partition.
func (r *reaper) reapPartition(ctx context.Context, partition, node string) error {
	err := r.drain(ctx, r.keys.index("r", partition, node), func(encoded, index string) error {
		return r.reapRoom(ctx, encoded, index, node)
	})
	if err != nil {
		return err
	}
	return r.drain(ctx, r.keys.index("u", partition, node), func(encoded, index string) error {
		keys := []string{r.keys.userKey("user", encoded), r.keys.userKey("seen", encoded), index}
		return userScript.Run(ctx, r.client, keys, encoded, node, -1, int(entryTTL.Seconds()),
			int(seenTTL.Seconds()), r.o.Lease.Milliseconds()).Err()
	})
}

// drain calls remove with every member of an index until it is empty. remove takes
// the member out of the index.
func (r *reaper) drain(ctx context.Context, index string, remove func(encoded, index string) error) error {
	for {
		members, err := r.client.SRandMemberN(ctx, index, reapBatch).Result()
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

// reapRoom removes the node's entries from a room, and then the room from the
// node's index.
func (r *reaper) reapRoom(ctx context.Context, encoded, index, node string) error {
	key := r.keys.roomKey(encoded)
	drop := func(last int, conns []any) error {
		args := append([]any{encoded, node, last}, conns...)
		return dropScript.Run(ctx, r.client, []string{key, index}, args...).Err()
	}
	var token uint64 // HSCAN's, called cursor by Redis; 0 begins and ends a scan
	for {
		fields, next, err := r.client.HScan(ctx, key, token, "c*", reapBatch).Result()
		if err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
		var conns []any // name and generation in turns
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
		token = next
	}
}
