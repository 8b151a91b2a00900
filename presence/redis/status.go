package redis

import (
	"cmp"
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// statusBatch is how many people one exchange asks about.
const statusBatch = 250

// Status returns the status of the people over all rooms and nodes. While Redis
// does not answer it is what this node knows. The error is presence.ErrClosed or
// that of ctx.
func (t *Tracker) Status(ctx context.Context, users []string) (map[string]presence.UserStatus, error) {
	all := make(map[string]presence.UserStatus, len(users))
	for ; len(users) > 0; users = users[min(statusBatch, len(users)):] {
		if _, err := t.addStatus(ctx, users[:min(statusBatch, len(users))], all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// knownStatus is Status without the people whose status is not known for sure. It
// returns nil after an error.
func (t *Tracker) knownStatus(ctx context.Context, users []string) map[string]presence.UserStatus {
	all := make(map[string]presence.UserStatus, len(users))
	complete, err := t.addStatus(ctx, users, all)
	if err != nil {
		return nil
	}
	for id, s := range all {
		if !complete && s.Status != presence.Online {
			delete(all, id)
		}
	}
	return all
}

// addStatus adds the status of the users to all. complete is false if something
// that other nodes know may be missing.
func (t *Tracker) addStatus(ctx context.Context, users []string, all map[string]presence.UserStatus) (complete bool, err error) {
	t.mirror.mu.Lock()
	closed := t.mirror.closed
	t.mirror.mu.Unlock()
	if closed {
		return false, presence.ErrClosed
	}
	known := t.lease.knowledge()
	complete = known.complete
	var stored []storedStatus // nil: only this node's knowledge is used
	if !known.degraded {
		var epoch string
		stored, epoch, err = t.readStatus(ctx, users)
		switch {
		case err != nil && ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			stored, complete = nil, false // the lease will notice
		case epoch != known.epoch:
			complete = false
			t.lease.doubtEpoch(known.epoch)
		}
	}
	t.mirror.mu.Lock()
	defer t.mirror.mu.Unlock()
	for i, id := range users {
		var s storedStatus
		if stored != nil {
			s = stored[i]
		}
		all[id] = t.mirror.statusOf(id, s)
	}
	return complete, nil
}

// storedStatus is what Redis has about a person. The zero value is nothing.
type storedStatus struct {
	nodes map[string]string // node → devices
	seen  time.Time         // when the last connection closed; zero: not known
}

// readStatus asks Redis about at most statusBatch users, and last for its epoch: see
// mirror.readSome.
func (t *Tracker) readStatus(ctx context.Context, users []string) (stored []storedStatus, epoch string, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	keys := keys(t.o.Prefix)
	nodes := make([]*goredis.MapStringStringCmd, len(users))
	seen := make([]*goredis.StringCmd, len(users))
	pipe := t.client.Pipeline()
	for i, id := range users {
		nodes[i] = pipe.HGetAll(ctx, keys.user(id))
		seen[i] = pipe.Get(ctx, keys.seen(id))
	}
	now := pipe.Get(ctx, keys.epoch())
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, goredis.Nil) {
		return nil, "", err
	}
	stored = make([]storedStatus, len(users))
	for i := range users {
		stored[i].nodes = nodes[i].Val()
		if ms, err := seen[i].Int64(); err == nil {
			stored[i].seen = time.UnixMilli(ms)
		}
	}
	return stored, now.Val(), nil
}

// statusOf combines this node's connections of a person with what Redis has of
// other nodes. It needs mu.
func (m *mirror) statusOf(id string, stored storedStatus) presence.UserStatus {
	s := presence.UserStatus{}
	counts := map[byte]int{} // nodes by the best state that they have of the person
	left := stored.seen
	if u := m.users[id]; u != nil {
		if u.hasConns() {
			s.Devices = len(u.conns)
			counts[stateOf(u.status)]++
		}
		if u.left.After(left) {
			left = u.left
		}
	}
	for node, value := range stored.nodes {
		if m.lease.ignores(node) {
			continue
		}
		d := parseDevices(value)
		s.Devices += d.n
		counts[stateOf(d.status)]++
	}
	s.Status = cmp.Or(bestStatus(counts), presence.Offline)
	if s.Status == presence.Offline && !left.IsZero() {
		left = left.UTC().Truncate(time.Minute)
		s.LastSeen = &left
	}
	return s
}
